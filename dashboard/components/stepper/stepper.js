// Five steps from an image to the tokens that the first block reads. Each patch has a position in every step and
// moves from one to the next. Everything else fades in and out.
// data: header { size, patch, tokens, dim, cls, note, limit, spreads }, image [S, S, 3], float32 tokens [T,
// D], positions [T, D]; T includes CLS if the model has it

import { keepAddress, parseCount, writeAddress } from "../shared/address.js";
import { colorIndex, decodeBase64 } from "../shared/colors.js";
import { readHeader } from "../shared/message.js";
import { CanvasPainter, createCanvas } from "../shared/paint.js";
import { offerFiles } from "../shared/save.js";
import { onTheme, themeColors, typeScale } from "../shared/theme.js";
import { saveStep } from "./files.js";
import { CHANNELS, hoverText, numberText, stepTexts, TITLES } from "./words.js";

const MOVE_MS = 1000, PAUSE_MS = 1200;
const TINTS = [[1, 0.16, 0.14], [0.1, 0.86, 0.2], [0.22, 0.42, 1]]; // RGB of a channel at value 1
const FOOT = 22; // pixels below the pictures, for their labels
const NARROW = 8; // pixels: narrower columns have no gaps
const EDGE = 2; // pixels around the drawing, for the ring of a patch at the border
const BLACK_TEXT = [225, 158, 250]; // above these values of a channel, black text has more contrast than white

const clamp = (v, low, high) => Math.max(low, Math.min(high, v));
const smooth = (t) => t * t * (3 - 2 * t);

class Stepper {
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
    this.root = root;
    this.canvas = root.querySelector(".steps-stage");
    const list = root.querySelector("ol");
    TITLES.forEach((title, i) => {
      const button = list.appendChild(document.createElement("li")).appendChild(
        document.createElement("button"),
      );
      button.append(`${i + 1} ${title}`, document.createElement("small"));
      button.addEventListener("click", () => this.visit(i));
    });
    const actions = {
      back: () => this.visit(this.step - 1),
      next: () => this.visit(this.step + 1),
      play: () => this.play(!this.playing),
    };
    for (const button of root.querySelectorAll("[data-do]")) {
      button.addEventListener("click", actions[button.dataset.do]);
    }
    root.addEventListener("keydown", (event) => {
      const direction = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (direction && event.shiftKey) this.choose(clamp(this.chosen + direction, 0, this.count - 1), null);
      else if (direction) this.visit(this.step + direction);
      else if (event.key === " " && event.target === root) actions.play();
      else return;
      event.preventDefault();
    });
    const trackPointer = (event) => {
      const box = this.canvas.getBoundingClientRect();
      const found = this.hitTest(
        (event.clientX - box.left) / this.zoom - EDGE,
        (event.clientY - box.top) / this.zoom - EDGE,
      );
      if (found) this.choose(found.patch, found);
    };
    this.canvas.addEventListener("pointermove", trackPointer);
    this.canvas.addEventListener("pointerdown", trackPointer);
    this.canvas.addEventListener("pointerleave", () => this.choose(this.chosen, null));
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
    keepAddress(this.root, () => this.parameters());
    const n = h.size ** 2;
    this.pixels = bytes.slice(offset, offset + 3 * n);
    offset += Math.ceil((3 * n) / 4) * 4;
    const floats = () => new Float32Array(bytes.slice(offset, offset += 4 * h.tokens * h.dim).buffer);
    [this.tokens, this.positions] = [floats(), floats()];
    this.known = h.tokens > 0;
    const side = h.size / h.patch;
    if (side !== this.side) this.chosen = Math.floor(side / 2) * (side + 1);
    Object.assign(this, { side, count: side ** 2, first: h.cls ? 1 : 0, perPatch: 3 * h.patch ** 2 });

    const rgb = (i) => this.pixels.subarray(3 * i, 3 * i + 3);
    const tint = (v, channel) => TINTS[channel].map((part) => v * part);
    this.picture = pixelCanvas(h.size, h.size, (i) => rgb(i));
    this.planes = CHANNELS.map((_, c) => pixelCanvas(h.size, h.size, (i) => tint(this.pixels[3 * i + c], c)));
    this.flat = pixelCanvas(this.count, this.perPatch, (i) => {
      const [patch, j] = [i % this.count, Math.floor(i / this.count)];
      return tint(this.value(patch, j), Math.floor(j / h.patch ** 2));
    });
    const colors = decodeBase64(h.diverging);
    const colored = (values) =>
      pixelCanvas(h.tokens, h.dim, (i) => {
        const c = 3 * colorIndex(values[(i % h.tokens) * h.dim + Math.floor(i / h.tokens)], h.limit, true);
        return colors.subarray(c, c + 3);
      });
    if (this.known) {
      this.strips = [
        this.tokens,
        this.positions,
        this.tokens.map((v, i) => v + this.positions[i]),
      ].map(colored);
    }
    const bar = this.root.querySelector(".steps-scale canvas").getContext("2d");
    bar.drawImage(pixelCanvas(256, 1, (i) => colors.subarray(3 * i, 3 * i + 3)), 0, 0);
    const [low, high] = this.root.querySelectorAll(".steps-scale span");
    [low.textContent, high.textContent] = [`\u2264 ${numberText(-h.limit)}`, `\u2265 ${numberText(h.limit)}`];
    this.renderControls();
    this.updateHoverText();
    this.schedule();
  }

  // Number j of a patch in the model's order: by channel, then row by row.
  value(patch, j) {
    const { size, patch: p } = this.header;
    const [channel, cell] = [Math.floor(j / p ** 2), j % p ** 2];
    const row = Math.floor(patch / this.side) * p + Math.floor(cell / p);
    const column = (patch % this.side) * p + (cell % p);
    return this.pixels[3 * (row * size + column) + channel];
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
    if (this.header.step === null) writeAddress(this.parameters());
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

  schedule() {
    if (this.scheduled) return;
    this.scheduled = true;
    requestAnimationFrame(() => {
      this.scheduled = false;
      if (!this.header || !this.root.isConnected) return;
      if (this.progress < 1) {
        this.progress = Math.min(1, (performance.now() - this.moveStart) / MOVE_MS);
        this.schedule();
      }
      this.draw();
    });
  }

  // The layout of a step: the square of the image, columns below the patches, or three panels of columns.
  layout(step) {
    const { w, h, count, first, known } = this;
    if (step <= 1) {
      const square = Math.min(h, 0.45 * w), x = square + 56;
      const parts = step ? 4 : 3;
      return {
        square,
        x,
        unit: Math.min((step ? 0.62 : 0.72) * square, (w - x - 14 * parts - 22 * step) / parts),
      };
    }
    const all = count + first;
    if (step <= 3 || !known) {
      const gutter = 76, room = (w - gutter) / all;
      const pitch = room < NARROW ? room : Math.min(72, Math.floor(room)); // whole pixels: all gaps are equal
      const unit = room < NARROW ? room : Math.round(pitch * 0.9),
        x = gutter + Math.max(0, (w - gutter - all * pitch) / 2);
      return {
        pitch,
        unit,
        lefts: [x],
        top: unit + 8,
        rows: step === 3 && known ? this.header.dim : this.perPatch,
      };
    }
    const gap = 44, wide = (w - 2 * gap) / 3, pitch = wide / all, unit = Math.min(pitch, 16);
    return {
      pitch,
      unit,
      wide,
      lefts: [0, 1, 2].map((i) => i * (wide + gap)),
      top: unit + 6,
      rows: this.header.dim,
    };
  }

  // The position of patch i in a step, [x, y, side].
  patchPosition(step, i) {
    const f = this.layout(step);
    if (step > 1) return [f.lefts[0] + (i + this.first) * f.pitch, 0, f.unit];
    const gap = step ? clamp(24 / this.side, 2, 8) : 0;
    const unit = (f.square - gap * (this.side - 1)) / this.side;
    return [(i % this.side) * (unit + gap), Math.floor(i / this.side) * (unit + gap), unit];
  }

  // The patch, token and number at a point of the drawing, or null.
  hitTest(px, py) {
    if (!this.header || !this.h || py > this.h) return null;
    const { step, side, count, first } = this;
    const f = this.layout(step);
    if (step <= 1) {
      const [column, row] = [px, py].map((v) => Math.floor((v / f.square) * side));
      return column >= 0 && row >= 0 && column < side && row < side ? { patch: row * side + column } : null;
    }
    const panel = f.lefts.findIndex((left) => px >= left && px < left + f.pitch * (count + first));
    if (panel < 0) return null;
    const token = Math.floor((px - f.lefts[panel]) / f.pitch), shown = step < 3 || this.known;
    const j = py < f.top || !shown
      ? null
      : Math.min(f.rows - 1, Math.floor(((py - f.top) / (this.h - f.top)) * f.rows));
    return { patch: token < first ? this.chosen : token - first, token, j };
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
    const theme = themeColors(this.root);
    const [width, height] = [Math.max(200, this.canvas.clientWidth), this.canvas.clientHeight];
    const p = new CanvasPainter(this.canvas, width, height), zoom = (this.zoom = typeScale());
    p.ctx.scale(zoom, zoom);
    p.ctx.translate(EDGE, EDGE);
    [this.w, this.h] = [width / zoom - 2 * EDGE, height / zoom - 2 * EDGE - FOOT];
    this.paint(p, theme);
    this.root.dataset.still = this.progress === 1;
  }

  paint(p, theme) {
    const fade = (step, alpha) => {
      p.ctx.globalAlpha = alpha;
      if (alpha > 0) this.drawStep(p, step, theme);
      p.ctx.globalAlpha = 1;
    };
    if (this.progress === 1) this.drawStep(p, this.step, theme);
    else {[[this.from, 1 - this.progress / 0.35], [this.step, (this.progress - 0.6) / 0.4]].forEach((part) =>
        fade(...part)
      );}
    const { header: h, count, side } = this;
    const drawPatch = (i, x, y, unit) =>
      p.pixels(
        this.picture,
        (i % side) * h.patch,
        Math.floor(i / side) * h.patch,
        h.patch,
        h.patch,
        x,
        y,
        unit,
        unit,
      );
    for (let i = 0; i < count; i++) {
      const t = smooth(clamp(1.5 * this.progress - (0.5 * i) / count, 0, 1)); // the patches start one after the other
      const a = this.patchPosition(this.from, i), b = this.patchPosition(this.step, i);
      const [x, y, unit] = a.map((v, k) => v + (b[k] - v) * t);
      drawPatch(i, x, y, unit);
      const summed = this.step === 4 && this.known && this.progress === 1;
      if (summed) drawPatch(i, x + this.layout(4).lefts[2], y, unit); // above the sum
    }
    const [x, y, unit] = this.patchPosition(this.step, this.chosen);
    if (this.progress === 1) ring(p, x, y, unit, unit);
  }

  // Draw everything of a step except the moving patches.
  drawStep(p, step, theme) {
    const { h, chosen, first, known } = this;
    const f = this.layout(step), small = { font: theme.font, size: 13, color: theme.text };
    if (step === 0) return this.drawChannels(p, f.x, f.unit, [0, 0, this.header.size], theme);
    if (step === 1) {
      const size = this.header.patch, y = (h - f.unit) / 2;
      const part = [(chosen % this.side) * size, Math.floor(chosen / this.side) * size, size];
      p.pixels(this.picture, part[0], part[1], size, size, f.x, y, f.unit, f.unit);
      p.text(`patch ${chosen + 1}`, f.x, y + f.unit + 13, small);
      return this.drawChannels(p, f.x + f.unit + 44, f.unit, part, theme);
    }
    const all = this.count + first, high = h - f.top;
    const column = { x: f.lefts[0] + (chosen + first) * f.pitch, wide: f.unit };
    if (step === 2) {
      for (let i = 0; i < this.count; i++) {
        p.pixels(this.flat, i, 0, 1, f.rows, f.lefts[0] + (i + first) * f.pitch, f.top, f.unit, high);
      }
      if (first) this.drawEmptyColumns(p, f, theme, 1);
      CHANNELS.forEach((name, c) =>
        p.text(name, f.lefts[0] - 10, f.top + ((c + 0.5) * high) / 3, { ...small, align: "right" })
      );
      p.text(`each column is a patch: its ${f.rows} numbers, 0 to 255`, f.lefts[0], h + 13, small);
      ring(p, column.x, f.top, column.wide, high, ["#fff", "#000"]);
    } else if (!known) {
      this.drawEmptyColumns(p, f, theme, all);
    } else if (step === 3) {
      for (let t = 0; t < all; t++) {
        p.pixels(this.strips[0], t, 0, 1, f.rows, f.lefts[0] + t * f.pitch, f.top, f.unit, high);
      }
      if (first) this.drawEmptyColumns(p, f, theme, 1, 0);
      [`${f.rows}`, "numbers"].forEach((word, i) =>
        p.text(word, f.lefts[0] - 10, f.top + high / 2 - 9 + 18 * i, { ...small, align: "right" })
      );
      p.text(`each column is a token: its ${f.rows} numbers`, f.lefts[0], h + 13, small);
      ring(p, column.x, f.top, column.wide, high, ["#fff", "#000"]);
    } else {
      const names = [first ? "patches and CLS" : "patches", "positions", "input of the first block"];
      f.lefts.forEach((left, i) => {
        p.pixels(this.strips[i], 0, 0, all, f.rows, left, f.top, f.wide, high);
        p.text(`${names[i]}, std ${numberText(this.header.spreads[i])}`, left, h + 13, small);
        if (i) p.text("+="[i - 1], left - 22, f.top + high / 2, { ...small, size: 24, align: "center" });
        ring(p, left + (chosen + first) * f.pitch, f.top, f.pitch, high, ["#fff", "#000"]);
      });
    }
  }

  // Draw a part [x, y, size] of the image as its three channels, with the numbers if they fit.
  drawChannels(p, x, unit, part, theme) {
    const [sx, sy, size] = part;
    const y = (this.h - unit) / 2, cell = unit / size;
    p.text("=", x - (sx || size < this.header.size ? 22 : 28), this.h / 2, {
      font: theme.font,
      size: 24,
      align: "center",
      color: theme.text,
    });
    CHANNELS.forEach((name, c) => {
      const left = x + c * (unit + 14);
      p.pixels(this.planes[c], sx, sy, size, size, left, y, unit, unit);
      p.text(name, left, y + unit + 13, { font: theme.font, size: 13, color: theme.text });
      if (cell < 30) return;
      for (let i = 0; i < size ** 2; i++) {
        const [column, row] = [i % size, Math.floor(i / size)];
        const v = this.pixels[3 * ((sy + row) * this.header.size + sx + column) + c];
        const type = {
          font: theme.font,
          size: Math.min(16, cell / 2.9),
          align: "center",
          color: v > BLACK_TEXT[c] ? "#000" : "#fff",
        };
        p.text(v, left + (column + 0.5) * cell, y + (row + 0.5) * cell, type);
      }
    });
  }

  // Draw dashed boxes for CLS, which has no pixels, and for columns without values.
  drawEmptyColumns(p, f, theme, columns, below = 1) {
    const dash = { stroke: theme.faint, dash: [3, 3] };
    if (f.pitch < NARROW && columns > 1) {
      p.rect(f.lefts[0], f.top + 0.5, f.pitch * columns, this.h - f.top - 1, dash);
    }
    for (let i = 0; i < columns && f.pitch >= NARROW; i++) {
      const x = f.lefts[0] + i * f.pitch;
      if (i < this.first) p.rect(x + 0.5, 0.5, f.unit - 1, f.unit - 1, dash);
      if (below) p.rect(x + 0.5, f.top + 0.5, f.unit - 1, this.h - f.top - 1, dash);
    }
    if (this.first) {
      p.text("CLS", f.lefts[0] - 10, Math.max(8, f.unit / 2 + 1), {
        font: theme.font,
        size: 13,
        color: theme.text,
        align: "right",
      });
    }
  }
}

// Draw a white ring inside a black one, or the reverse: visible on every picture.
function ring(p, x, y, w, h, [outer, inner] = ["#000", "#fff"]) {
  p.rect(x - 1, y - 1, w + 2, h + 2, { stroke: outer, line: 4 });
  p.rect(x - 1, y - 1, w + 2, h + 2, { stroke: inner, line: 2 });
}

// Create a canvas of width x height pixels; `color(i)` returns the color of pixel i, row by row.
function pixelCanvas(width, height, color) {
  const canvas = createCanvas(width, height), ctx = canvas.getContext("2d");
  const data = ctx.createImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    data.data.set(color(i), 4 * i);
    data.data[4 * i + 3] = 255;
  }
  ctx.putImageData(data, 0, 0);
  return canvas;
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".steps");
  root.stepper ??= new Stepper(root);
  root.stepper.update(data);
}
