// Five steps from an image to the tokens that the first block reads. Each patch has a position in every step
// and moves from one to the next. Everything else fades in and out. data: header { size, patch, tokens, dim,
// cls, note, limit, spreads }, image [S, S, 3], float32 tokens [T, D], positions [T, D]; T includes CLS if
// the model has it

import { keepAddress, parseCount } from "../shared/address.js";
import { decodeBase64 } from "../shared/colors.js";
import { whileMounted } from "../shared/lifetime.js";
import { readHeader } from "../shared/message.js";
import { CanvasPainter } from "../shared/paint.js";
import { offerFiles } from "../shared/save.js";
import { onTheme, themeColors, typeScale } from "../shared/theme.js";
import { mount, View } from "../shared/view.js";
import { saveStep } from "./files.js";
import { listen } from "./input.js";
import { hitTest, pixelIndex } from "./layout.js";
import { createPictures, scaleCanvas } from "./pictures.js";
import { paintStep } from "./scene.js";
import { hoverText, numberText, stepTexts, TITLES } from "./words.js";

const MOVE_MS = 1000, PAUSE_MS = 1200;
const FOOT = 22; // pixels below the pictures, for their labels
const EDGE = 2; // pixels around the drawing, for the ring of a patch at the border

class Stepper extends View {
  step = 0;
  from = 0; // the step before the current move
  progress = 1; // of the move, 0 to 1
  moveStart = 0; // time in ms
  playing = false;
  chosen = null; // patch
  hovered = null; // under the pointer: { patch, token, j }
  side = 0; // patches across
  count = 0; // patches
  first = 0; // the token of the first patch
  perPatch = 0; // numbers per patch
  tokens = new Float32Array();
  positions = new Float32Array();
  w = 0; // size of the drawing in pixels, before scaling with the type
  h = 0;
  zoom = 1;

  constructor(root) {
    super(root);
    this.canvas = root.querySelector(".steps-stage");
    listen(this);
    new ResizeObserver(() => this.schedule()).observe(this.canvas);
    offerFiles(root.querySelector(".files"), (format) => saveStep(this, format));
    onTheme(root, () => this.schedule());
  }

  // Show new data from the server.
  update(bytes) {
    const message = readHeader(bytes), h = message.header;
    let { offset } = message;
    this.header = h;
    if (!this.pixels) this.restoreFromLink();
    whileMounted(this.root, (signal) => keepAddress(this.root, () => this.parameters(), signal));
    const n = h.size ** 2;
    this.pixels = bytes.slice(offset, offset + 3 * n);
    offset += Math.ceil((3 * n) / 4) * 4;
    const floats = () => new Float32Array(bytes.slice(offset, offset += 4 * h.tokens * h.dim).buffer);
    [this.tokens, this.positions] = [floats(), floats()];
    this.known = h.tokens > 0;
    const side = h.size / h.patch;
    if (side !== this.side) this.chosen = Math.floor(side / 2) * (side + 1);
    Object.assign(this, { side, count: side ** 2, first: h.cls ? 1 : 0, perPatch: 3 * h.patch ** 2 });
    const colors = decodeBase64(h.diverging);
    Object.assign(this, createPictures(this, colors));
    this.root.querySelector(".steps-scale canvas").getContext("2d").drawImage(scaleCanvas(colors), 0, 0);
    const [low, high] = this.root.querySelectorAll(".steps-scale span");
    [low.textContent, high.textContent] = [`\u2264 ${numberText(-h.limit)}`, `\u2265 ${numberText(h.limit)}`];
    this.renderControls();
    this.updateHoverText();
    this.schedule();
  }

  // Number j of a patch in the model's order: by channel, then row by row.
  value(patch, j) {
    return this.pixels[pixelIndex(this.header, patch, j)];
  }

  // The height of the drawing with its labels, in pixels.
  get height() {
    return this.h + FOOT;
  }

  // Show the step that the server gives (in a talk), or else the step in the address.
  restoreFromLink() {
    const linked = this.header.step ?? parseCount(new URLSearchParams(window.location.search).get("step"));
    if (linked && TITLES[linked - 1]) this.step = this.from = linked - 1;
  }

  // The query parameters of this view, or null if the server gives the step.
  parameters() {
    return this.header.step === null ? { step: this.step ? String(this.step + 1) : null } : null;
  }

  visit(step) {
    this.play(false);
    this.go(step);
  }

  go(step) {
    if (step < 0 || step >= TITLES.length || step === this.step) return;
    Object.assign(this, { from: this.step, step, hovered: null, moveStart: performance.now() });
    this.progress = window.matchMedia("(prefers-reduced-motion: reduce)").matches ? 1 : 0;
    this.saveAddress();
    this.renderControls();
    this.updateHoverText();
    this.schedule();
  }

  play(on) {
    clearTimeout(this.timer);
    if (!on && !this.playing) return;
    this.playing = on;
    if (on && this.step === TITLES.length - 1) this.go(0);
    this.renderControls();
    const next = () => {
      if (!this.playing || !this.root.isConnected) return;
      if (this.step === TITLES.length - 1) return this.play(false);
      this.go(this.step + 1);
      this.timer = setTimeout(next, MOVE_MS + PAUSE_MS);
    };
    if (on) this.timer = setTimeout(next, this.progress < 1 ? MOVE_MS + PAUSE_MS / 2 : 300);
  }

  renderControls() {
    const { header: h, step, count, perPatch, known } = this;
    const all = count + this.first;
    const shapes = [
      `[3, ${h.size}, ${h.size}]`,
      `[${count}, 3, ${h.patch}, ${h.patch}]`,
      `[${count}, ${perPatch}]`,
    ];
    shapes.push(...Array(2).fill(known ? `[${h.tokens}, ${h.dim}]` : `[${all}, \u2026]`));
    this.root.querySelectorAll("ol button").forEach((button, i) => {
      button.querySelector("small").textContent = shapes[i];
      if (i === step) button.setAttribute("aria-current", "step");
      else button.removeAttribute("aria-current");
    });
    this.root.querySelector('[data-do="back"]').disabled = step === 0;
    this.root.querySelector('[data-do="next"]').disabled = step === TITLES.length - 1;
    this.root.querySelector('[data-do="play"]').textContent = this.playing ? "Pause" : "Play";
    this.root.querySelector(".steps-scale").style.visibility = known && step >= 3 ? "visible" : "hidden";
    const texts = stepTexts(this, shapes);
    this.root.querySelector(".steps-text").textContent = texts[step];
    this.canvas.setAttribute("aria-label", `${TITLES[step]}: ${texts[step]}`);
    this.root.dataset.step = step + 1;
    this.root.dataset.tokens = count;
    this.root.dataset.playing = this.playing;
  }

  get ready() {
    return Boolean(this.header);
  }

  // The patch, token and number at a point of the canvas, or null.
  hitTest(x, y) {
    if (!this.header || !this.h) return null;
    return hitTest(this, x / this.zoom - EDGE, y / this.zoom - EDGE);
  }

  choose(patch, hovered) {
    const same = patch === this.chosen && hovered?.j === this.hovered?.j &&
      hovered?.token === this.hovered?.token;
    if (same) return;
    Object.assign(this, { chosen: patch, hovered });
    this.updateHoverText();
    this.schedule();
  }

  updateHoverText() {
    this.root.querySelector(".steps-hover").textContent = hoverText(this);
    this.root.dataset.patch = this.chosen + 1;
  }

  draw() {
    if (this.progress < 1) {
      this.progress = Math.min(1, (performance.now() - this.moveStart) / MOVE_MS);
      this.schedule();
    }
    const theme = themeColors(this.root);
    const [width, height] = [Math.max(200, this.canvas.clientWidth), this.canvas.clientHeight];
    const p = new CanvasPainter(this.canvas, width, height), zoom = (this.zoom = typeScale());
    p.ctx.scale(zoom, zoom);
    p.ctx.translate(EDGE, EDGE);
    [this.w, this.h] = [width / zoom - 2 * EDGE, height / zoom - 2 * EDGE - FOOT];
    paintStep(this, p, theme);
    this.root.dataset.still = this.progress === 1;
  }
}

export default function (element) {
  mount(element, ".steps", "stepper", Stepper);
}
