// The steps through one convolution of a ResNet and its head. Stepping, hovering, playing and choosing a
// channel or a position need no server; another block does. Data: see data.js.

import { largest } from "../shared/vectors.js";
import { keepAddress, parseCount, writeAddress } from "../shared/address.js";
import { colorTable, decodeBase64 } from "../shared/colors.js";
import { CanvasPainter, rgbCanvas } from "../shared/paint.js";
import { offerFiles } from "../shared/save.js";
import { onTheme, themeColors, typeScale } from "../shared/theme.js";
import { parsePosition, stepsOf, unpackConvolutions, windowAt } from "./data.js";
import { saveConvolution } from "./files.js";
import { ConvolutionInput } from "./input.js";
import { placePanels, whatIsAt } from "./panels.js";
import { paintConvolution } from "./scene.js";
import { showTexts } from "./texts.js";
import { shownOf } from "./words.js";

const STEP_TIME = 4000; // milliseconds, while playing
const EDGE = 4; // pixels around the drawing, for rings at the border
const BELOW = 4;
const TIMES_KEPT = 600; // redraw times kept for the benchmark
const CENTER = 4; // the middle of the nine positions of a window

class ConvolutionStepper {
  block = null; // the numbers, see data.js
  index = 0; // of the convolution in the block
  step = 0;
  channel = 0; // of the output
  pinned = { row: 0, column: 0 }; // the chosen position
  hovered = null; // the position under the pointer
  playing = false;
  panel = null; // the id of the panel under the pointer
  pointedI = null; // input channel last pointed at
  pointedT = null; // position in the window last pointed at
  pointedClass = null;
  pointedPooled = null;
  sources = null; // maps before and after batch norm or ReLU, see shownOf
  asked = null; // block that the server was asked for
  arrival = null; // convolution and kind of step to show in the block that the server was asked for
  w = 0; // size of the drawing in pixels, before scaling with the type
  h = 0;
  zoom = 1;
  times = []; // milliseconds of redraws

  constructor(root, host) {
    this.root = root;
    this.host = host;
    this.find = (selector) => root.querySelector(selector);
    this.canvas = this.find(".inside-stage");
    this.input = new ConvolutionInput(this);
    new ResizeObserver(() => this.schedule()).observe(this.canvas);
    onTheme(root, () => this.schedule());
  }

  // Show new data from the server.
  update(bytes) {
    const first = !this.block, before = this.block?.header, side = this.one?.side;
    this.block = unpackConvolutions(bytes);
    const { header } = this.block;
    this.root.classList.remove("waiting");
    if (first) {
      const formats = header.standalone ? ["png", "svg", "csv"] : ["png", "svg", "csv", "html"];
      offerFiles(this.find(".files"), (format) => saveConvolution(this, format), formats);
    }
    if (first || before.blocks !== header.blocks) this.restore();
    else if (before.block !== header.block) this.arrive(side);
    this.asked = this.arrival = null;
    this.channel = header.only ?? Math.min(this.channel, this.one.outputs - 1);
    if (before?.key !== header.key) this.forgetPointer();
    keepAddress(this.root, () => this.parameters());
    this.diverging = colorTable(decodeBase64(header.diverging));
    this.picture = rgbCanvas(this.block.image, header.size, header.size);
    this.input.showChoices();
    this.refresh();
    if (this.playing) this.scheduleStep();
  }

  // Read the convolution, the step, the channel and the position from the address.
  restore() {
    const { header } = this.block, linked = new URLSearchParams(header.address ?? window.location.search);
    const count = (name, most) => {
      const n = parseCount(linked.get(name));
      return n && n <= most ? n - 1 : 0;
    };
    this.index = count("convolution", header.convolutions.length);
    this.channel = count("channel", this.one.outputs);
    this.step = count(header.stepName, this.steps.length);
    this.pinned = parsePosition(linked.get("position"), this.one.side) ?? this.middle;
  }

  // Keep the step and the place in the image when another block arrives.
  arrive(side) {
    const { convolutions } = this.block.header, { index, kind } = this.arrival ?? { index: 0, kind: "" };
    this.index = Math.min(index, convolutions.length - 1);
    this.step = kind ? this.findStep(kind) : 0;
    this.movePlace(side);
  }

  // Return the index of the step of a kind, or of the window.
  findStep(kind) {
    return this.steps.indexOf(this.steps.includes(kind) ? kind : "window");
  }

  // Move the chosen position to the same place of a map of another size.
  movePlace(side) {
    const to = (v) => Math.min(this.one.side - 1, Math.floor((v + 0.5) * this.one.side / side));
    this.pinned = { row: to(this.pinned.row), column: to(this.pinned.column) };
  }

  get one() {
    return this.block?.convolutions[this.index];
  }

  get steps() {
    return stepsOf(this.block, this.index);
  }

  get kind() {
    return this.steps[this.step];
  }

  get middle() {
    const half = Math.floor(this.one.side / 2);
    return { row: half, column: half };
  }

  get place() {
    return this.hovered ?? this.pinned;
  }

  // The input channel that is written out: the last one pointed at, or the one with the largest sum.
  get i() {
    return this.pointedI ?? this.order[0];
  }

  get t() {
    return this.pointedT ?? CENTER;
  }

  get klass() {
    return this.pointedClass ?? largest(this.block.logits, 1)[0];
  }

  get pooledChannel() {
    return this.pointedPooled ?? this.channel;
  }

  // Whether this is the last step of the last convolution of the model.
  get atEnd() {
    const { header } = this.block, last = this.index === header.convolutions.length - 1;
    return header.block === header.blocks && last && this.step === this.steps.length - 1;
  }

  // The query parameters of this view, or null if the server gave the state, as in a talk or a file.
  parameters() {
    return this.block.header.address === undefined ? this.state() : null;
  }

  state(block = this.block.header.block) {
    const { row, column } = this.pinned, { middle } = this, other = (n) => n ? String(n + 1) : null;
    return {
      block: block ? String(block) : null,
      convolution: other(this.index),
      channel: other(this.channel),
      position: row === middle.row && column === middle.column ? null : `${row + 1}.${column + 1}`,
      [this.block.header.stepName]: other(this.step),
    };
  }

  // Send a request with the state to the server.
  ask(kind, block = this.block.header.block) {
    const state = Object.entries(this.state(block)).filter(([, text]) => text !== null);
    this.host.ask(`${kind}?${new URLSearchParams(state)}`);
  }

  // Change the convolution, the step, the channel or the position.
  set(changes) {
    const { step, index, one: { side } } = this;
    Object.assign(this, changes);
    if (index !== this.index) this.movePlace(side);
    if (step !== this.step || index !== this.index) this.forgetPointer();
    const parameters = this.parameters();
    if (parameters) writeAddress(parameters);
    this.refresh();
    if (changes.channel !== undefined && this.block.header.only !== null) this.ask("look");
  }

  forgetPointer() {
    Object.assign(this, {
      panel: null,
      hovered: null,
      pointedI: null,
      pointedT: null,
      pointedClass: null,
      pointedPooled: null,
    });
  }

  visit(step) {
    this.play(false);
    this.go(step);
  }

  go(step) {
    if (step >= 0 && step < this.steps.length && step !== this.step) this.set({ step });
  }

  // Show the next step, after the last one the next convolution, and after the last of these the next block.
  advance() {
    this.play(false);
    if (this.step < this.steps.length - 1) this.go(this.step + 1);
    else if (this.index < this.block.header.convolutions.length - 1) {
      this.set({ index: this.index + 1, step: 0 });
    } else this.load(this.block.header.block + 1, 0, "");
  }

  // Show another convolution of this block, at the same step if it has it.
  choose(index) {
    if (index === this.index) return;
    const { kind, index: before } = this;
    this.index = index;
    const step = this.findStep(kind);
    this.index = before;
    this.set({ index, step });
  }

  chooseChannel(by) {
    const { outputs } = this.one;
    this.set({ channel: (this.channel + by + outputs) % outputs });
  }

  // Ask the server for another block, and show its step of this kind, or the first one.
  load(block, index = this.index, kind = this.kind) {
    const { header } = this.block;
    if (block === header.block || block < 0 || block > header.blocks || header.standalone) return;
    this.asked = block;
    this.arrival = { index, kind };
    this.root.classList.add("waiting");
    this.input.showChoices();
    this.ask("look", block);
  }

  play(on) {
    clearTimeout(this.timer);
    if (!on && !this.playing) return;
    this.playing = on;
    if (on && this.step === this.steps.length - 1) this.go(0);
    this.refresh();
    if (on) this.scheduleStep();
  }

  scheduleStep() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      if (!this.playing || !this.root.isConnected) return;
      if (this.step === this.steps.length - 1) return this.play(false);
      this.go(this.step + 1);
      this.scheduleStep();
    }, STEP_TIME);
  }

  // Point at something in the drawing: see whatIsAt.
  point(found) {
    this.panel = found?.panel ?? null;
    this.hovered = found?.place ?? null;
    if (found?.i !== undefined) this.pointedI = found.i;
    if (found?.t !== undefined) this.pointedT = found.t;
    if (found?.klass !== undefined) this.pointedClass = found.klass;
    if (found?.pooled !== undefined) this.pointedPooled = found.pooled;
    this.refresh();
  }

  // Move what is written out by the keyboard.
  movePointer(by) {
    const around = (v, count) => (v + by + count) % count;
    if (this.kind === "head") this.pointedClass = around(this.klass, this.block.header.outputs);
    else if (this.kind === "sum") {
      this.pointedI = this.order[around(this.order.indexOf(this.i), this.order.length)];
    } else this.pointedI = around(this.i, this.one.inputs);
    this.refresh();
  }

  movePinned(dy, dx) {
    const within = (v) => Math.max(0, Math.min(this.one.side - 1, v));
    this.hovered = null;
    this.set({ pinned: { row: within(this.pinned.row + dy), column: within(this.pinned.column + dx) } });
  }

  // What is at a point of the canvas, see whatIsAt.
  hitTest(x, y) {
    if (!this.layout) return null;
    return whatIsAt(this, this.layout, x / this.zoom - EDGE, y / this.zoom - EDGE);
  }

  // Compute what depends on the state, and show it.
  refresh() {
    const { row, column } = this.place;
    this.at = windowAt(this.block, this.index, this.channel, row, column);
    this.order = largest(this.at.sums.map(Math.abs), this.at.sums.length);
    Object.assign(this, shownOf(this));
    this.input.showState();
    this.schedule();
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
      if (this.times.length > TIMES_KEPT) this.times.shift();
    });
  }

  draw() {
    const theme = themeColors(this.root);
    const [width, height] = [Math.max(200, this.canvas.clientWidth), this.canvas.clientHeight];
    const p = new CanvasPainter(this.canvas, width, height), zoom = (this.zoom = typeScale());
    p.ctx.scale(zoom, zoom);
    p.ctx.translate(EDGE, EDGE);
    [this.w, this.h] = [width / zoom - 2 * EDGE, height / zoom - 2 * EDGE - BELOW];
    this.layout = placePanels(this);
    paintConvolution(this, p, theme);
    showTexts(this);
    Object.assign(this.root.dataset, {
      step: this.step + 1,
      kind: this.kind,
      block: this.block.header.block,
      convolution: this.index + 1,
      channel: this.channel + 1,
      position: `${this.pinned.row + 1}.${this.pinned.column + 1}`,
      playing: this.playing,
    });
  }
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".convolution");
  root.stepper ??= new ConvolutionStepper(root, { ask: () => {} });
  root.stepper.host = { ask: (text) => setTriggerValue("ask", text) };
  root.stepper.update(data);
}
