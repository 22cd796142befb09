// Ten steps through one block of a ViT and its head. Stepping, hovering, playing and choosing a head or a
// token need no server; another block does. Data: see data.js.

import { CLASSIFIER, isAttention, MLP, softens } from "./steps.js";
import { largest } from "../shared/vectors.js";
import { defaultToken, parseToken, tokenName, tokenText } from "../shared/tokens.js";
import { formatted } from "../shared/numbers.js";
import { keepAddress, parseCount, writeAddress } from "../shared/address.js";
import { colorTable, decodeBase64, gradientOf } from "../shared/colors.js";
import { CanvasPainter, rgbCanvas } from "../shared/paint.js";
import { announcePlace } from "../shared/places.js";
import { offerFiles } from "../shared/save.js";
import { onTheme, themeColors, typeScale } from "../shared/theme.js";
import { attentionRow, rowOf, unpackBlock } from "./data.js";
import { saveBlock } from "./files.js";
import { drawFlow } from "./flow.js";
import { BlockInput } from "./input.js";
import { cropCanvas, limitsOf, paintMatrices, WHOLES } from "./matrices.js";
import { arrange, pointAt } from "./panels.js";
import { largestChannel, paintBlock } from "./scene.js";
import { factsOf, formulaOf, readingOf, sentenceOf, shapesOf, STEP_TITLES, titleOf } from "./words.js";

const STEP_MS = 4000; // while playing
const MARGIN = 4; // pixels around the drawing, for rings at the border
const FOOTING = 4;
const KEPT_TIMES = 600; // redraw times kept for the benchmark
// the scale that the legend shows in each step
const LEGENDS = ["stream", "heads", "heads", null, "heads", "stream", "stream", "active", "stream", "stream"];
// the array whose largest number is pointed at first
const MAIN = ["input", null, null, null, null, "projected", "sum1", "active", "sum2", null];

class BlockStepper {
  block = null; // the numbers, see data.js
  step = 0;
  query = 0; // the chosen token
  head = 0;
  temperature = 1;
  playing = false;
  panel = null; // the id of the panel under the pointer
  hovered = null; // token under the pointer, in steps about single tokens
  pointedKey = null; // token last pointed at, in steps about attention
  pointedJ = null; // channel, unit or head last pointed at
  pointedClass = null;
  asked = null; // layer that the server was asked for
  wholes = WHOLES;
  w = 0; // size of the drawing in pixels, before scaling with the type
  h = 0;
  zoom = 1;
  times = []; // milliseconds of redraws

  constructor(root, host) {
    this.root = root;
    this.host = host;
    this.find = (selector) => root.querySelector(selector);
    this.canvas = this.find(".inside-stage");
    this.input = new BlockInput(this);
    new ResizeObserver(() => this.schedule()).observe(this.canvas);
    onTheme(root, () => this.schedule());
  }

  // Show new data from the server.
  update(bytes) {
    const first = !this.block, before = this.block?.header;
    this.block = unpackBlock(bytes);
    const { header } = this.block;
    this.asked = null;
    this.root.classList.remove("waiting");
    if (first) {
      const formats = header.standalone ? ["png", "svg", "csv"] : ["png", "svg", "csv", "html"];
      offerFiles(this.find(".files"), (format) => saveBlock(this, format), formats);
    }
    const other = before && ["heads", "tokens", "layers"].some((name) => before[name] !== header[name]);
    if (first || other || before.query !== header.query) this.query = header.query;
    if (first || other) this.restore();
    if (this.step === CLASSIFIER && header.layer < header.layers - 1) this.step = CLASSIFIER - 1;
    if (header.only !== null) this.query = header.only;
    // the server also sends the same data again, for example while the run trains
    if (before?.key !== header.key) {
      this.forgetPointer();
      this.pointedKey = null;
    }
    keepAddress(this.root, () => this.parameters());
    this.colors = colorTable(decodeBase64(header.colors));
    this.diverging = colorTable(decodeBase64(header.diverging));
    this.limits = limitsOf(this.block);
    Object.assign(this, paintMatrices(this.block, this.limits, this.diverging));
    this.picture = rgbCanvas(this.block.image, header.size, header.size);
    this.cropped = cropCanvas(this.block);
    this.input.showChoices();
    this.refresh();
    if (this.playing) this.scheduleStep();
  }

  // Read the step, the token, the head and the temperature from the address.
  restore() {
    const { header } = this.block;
    const linked = new URLSearchParams(header.address ?? window.location.search);
    const step = parseCount(linked.get("step")), head = parseCount(linked.get("head"));
    const temperature = Number(linked.get("temperature") ?? 1);
    this.step = step && step <= STEP_TITLES.length ? step - 1 : 0;
    this.head = head && head <= header.heads ? head - 1 : 0;
    this.temperature = temperature >= 0.1 && temperature <= 10 ? temperature : 1;
    this.query = parseToken(linked.get("query"), header) ?? header.query;
  }

  // The query parameters of this view, or null if the server gave the state, as in a talk or a standalone
  // file.
  parameters() {
    return this.block.header.address === undefined ? this.state() : null;
  }

  state(layer = this.block.header.layer) {
    const { header } = this.block;
    return {
      query: this.query === defaultToken(header) ? null : tokenText(this.query, header),
      layer: layer === header.layers - 1 ? null : String(layer + 1),
      head: this.head ? String(this.head + 1) : null,
      step: this.step ? String(this.step + 1) : null,
      temperature: this.temperature === 1 ? null : String(this.temperature),
    };
  }

  // Send a request with the state to the server.
  ask(kind, layer = this.block.header.layer) {
    const state = Object.entries(this.state(layer)).filter(([, text]) => text !== null);
    this.host.ask(`${kind}?${new URLSearchParams(state)}`);
  }

  // The token whose column the bars show.
  get token() {
    const { only } = this.block.header, attends = isAttention(this.step);
    return attends || only !== null ? this.query : this.hovered ?? this.query;
  }

  // The token whose score, weight and value are written out: the last one pointed at, or the one with most
  // weight.
  get key() {
    return this.pointedKey ?? largest(this.attention.weights, 1)[0];
  }

  // The channel, unit or head that is written out: the last one pointed at, or the one with the largest
  // number.
  get j() {
    if (this.pointedJ !== null) return this.pointedJ;
    const { block } = this;
    if (MAIN[this.step]) return largestChannel(rowOf(block, MAIN[this.step], this.token));
    return this.step === CLASSIFIER ? largestChannel(block.normalized) : largestChannel(this.attention.mixed);
  }

  get klass() {
    const { logits, features, header } = this.block;
    return this.pointedClass ?? (header.outputs ? largest(logits, 1)[0] : largestChannel(features));
  }

  // Change the step, the token, the head or the temperature.
  set(changes) {
    const { step } = this;
    Object.assign(this, changes);
    if (step !== this.step) this.forgetPointer();
    if (changes.query !== undefined || changes.head !== undefined) this.pointedKey = null;
    const parameters = this.parameters();
    if (parameters) writeAddress(parameters);
    this.refresh();
    if (changes.query === undefined) return;
    announcePlace(changes.query, this.block.header);
    if (this.block.header.only !== null) this.ask("look");
  }

  forgetPointer() {
    Object.assign(this, { panel: null, hovered: null, pointedJ: null, pointedClass: null });
  }

  // Show a step that the visitor chose. The classifier belongs to the last block.
  visit(step) {
    this.play(false);
    if (step === CLASSIFIER && this.lastStep < CLASSIFIER) {
      this.load(this.block.header.layers - 1, CLASSIFIER);
    } else this.go(step);
  }

  // Show the next step. After the last step of a block comes the next block.
  advance() {
    this.play(false);
    if (this.step === CLASSIFIER - 1 && this.lastStep < CLASSIFIER) this.load(this.block.header.layer + 1, 0);
    else this.go(this.step + 1);
  }

  go(step) {
    if (step >= 0 && step <= this.lastStep && step !== this.step) this.set({ step });
  }

  // Ask the server for another block, and show a step of it.
  load(layer, step = this.step) {
    const { header } = this.block;
    if (layer === header.layer || layer < 0 || layer >= header.layers || header.standalone) return;
    if (step === CLASSIFIER && layer < header.layers - 1) step = CLASSIFIER - 1;
    this.step = step;
    this.asked = layer;
    this.root.classList.add("waiting");
    this.input.showChoices();
    this.ask("look", layer);
  }

  play(on) {
    clearTimeout(this.timer);
    if (!on && !this.playing) return;
    this.playing = on;
    if (on && this.step === this.lastStep) this.go(0);
    this.refresh();
    if (on) this.scheduleStep();
  }

  // The last step of this block.
  get lastStep() {
    const { layer, layers } = this.block.header;
    return layer === layers - 1 ? CLASSIFIER : CLASSIFIER - 1;
  }

  scheduleStep() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      if (!this.playing || !this.root.isConnected) return;
      if (this.step === this.lastStep) return this.play(false);
      this.go(this.step + 1);
      this.scheduleStep();
    }, STEP_MS);
  }

  // Point at something in the drawing: see pointAt.
  point(found) {
    const attends = isAttention(this.step);
    this.panel = found?.panel ?? null;
    this.hovered = attends ? null : found?.token ?? null;
    if (attends && found?.token !== undefined && found.panel !== "q") {
      this.pointedKey = found.token;
    }
    if (found?.j !== undefined) this.pointedJ = found.j;
    if (found?.item !== undefined) {
      if (this.step === CLASSIFIER) this.pointedClass = found.item;
      else this.pointedJ = found.item;
    }
    this.refresh();
  }

  // Move what is pointed at by the keyboard.
  movePointer(by) {
    const { header } = this.block, around = (v, count) => (v + by + count) % count;
    if (isAttention(this.step)) this.pointedKey = around(this.key, header.tokens);
    else if (this.step === CLASSIFIER) this.pointedClass = this.nextClass(by);
    else this.pointedJ = around(this.j, this.step === MLP ? header.hidden : header.dim);
    this.refresh();
  }

  // The class that is listed after or before the one pointed at, or the next feature.
  nextClass(by) {
    const { listed, features } = this.block.header;
    if (!listed.length) return (this.klass + by + features) % features;
    return listed[(listed.indexOf(this.klass) + by + listed.length) % listed.length];
  }

  // What is at a point of the canvas, see pointAt.
  hitTest(x, y) {
    if (!this.layout) return null;
    return pointAt(this, this.layout, x / this.zoom - MARGIN, y / this.zoom - MARGIN);
  }

  // Compute what depends on the state, and show it.
  refresh() {
    this.attention = attentionRow(this.block, this.query, this.head, this.attentionTemperature);
    this.input.showState();
    this.schedule();
  }

  // Only the softmax and the weighted sum follow the slider. The rest is the model's own.
  get attentionTemperature() {
    return softens(this.step) ? this.temperature : 1;
  }

  showTexts() {
    const { block, step } = this, { header: h } = block, text = sentenceOf(this), reading = readingOf(this);
    const title = titleOf(block, step);
    this.find(".inside-text").textContent = text;
    this.find(".inside-formula span").innerHTML = formulaOf(this); // of fixed texts and numbers
    this.find(".inside-formula small").textContent = shapesOf(block, step);
    this.find(".inside-reading").textContent = reading;
    this.find(".inside-facts").textContent = factsOf(this);
    this.canvas.setAttribute("aria-label", `Block ${h.layer + 1}, ${title}: ${text} ${reading}`);
    this.find(".inside-token").textContent = this.query < h.first ? "" : tokenName(this.query, h);
    const scale = LEGENDS[step], limit = this.limits[scale];
    const [low, high] = this.root.querySelectorAll(".inside-scale span");
    this.find(".inside-scale").style.visibility = scale ? "visible" : "hidden";
    this.find(".inside-scale canvas").style.background = gradientOf(this.diverging);
    [low.textContent, high.textContent] = scale
      ? [`\u2264 ${formatted(-limit)}`, `\u2265 ${formatted(limit)}`]
      : ["", ""];
  }

  schedule() {
    if (this.scheduled) return;
    this.scheduled = true;
    requestAnimationFrame(() => {
      this.scheduled = false;
      if (!this.block || !this.root.isConnected) return;
      const start = performance.now();
      this.draw();
      this.times.push(performance.now() - start);
      if (this.times.length > KEPT_TIMES) this.times.shift();
    });
  }

  draw() {
    const theme = themeColors(this.root);
    const [width, height] = [Math.max(200, this.canvas.clientWidth), this.canvas.clientHeight];
    const p = new CanvasPainter(this.canvas, width, height), zoom = (this.zoom = typeScale());
    p.ctx.scale(zoom, zoom);
    p.ctx.translate(MARGIN, MARGIN);
    [this.w, this.h] = [width / zoom - 2 * MARGIN, height / zoom - 2 * MARGIN - FOOTING];
    this.layout = arrange(this);
    paintBlock(this, p, theme);
    drawFlow(this.root, this.step, theme);
    this.showTexts();
    Object.assign(this.root.dataset, {
      step: this.step + 1,
      layer: this.block.header.layer + 1,
      head: this.head + 1,
      query: tokenText(this.query, this.block.header),
      key: this.key,
      playing: this.playing,
    });
  }
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".inside");
  root.stepper ??= new BlockStepper(root, { ask: () => {} });
  root.stepper.host = { ask: (text) => setTriggerValue("ask", text) };
  root.stepper.update(data);
}
