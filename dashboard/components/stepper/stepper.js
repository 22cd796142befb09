// Five steps from an image to the tokens that the first block reads. Patches keep their identity from step to
// step: each has a place in every step, and moves from one to the next; what belongs to one step alone fades.
// data: header { size, patch, tokens, dim, cls, note, limit, spreads }, image [S, S, 3], float32 tokens [T,
// D], positions [T, D]; T counts CLS where there is one

import { keepAddress, writeAddress } from "../shared/address.js";
import { bytesOf, shade } from "../shared/colors.js";
import { headerOf } from "../shared/message.js";
import { canvasOf, CanvasPainter } from "../shared/paint.js";
import { offerFiles } from "../shared/save.js";
import { coloring, onTheme, zoomOf } from "../shared/theme.js";
import { saveStep } from "./files.js";
import { CHANNELS, number, spotWords, stepWords, TITLES } from "./words.js";

const MOVE_MS = 1000, REST_MS = 1200;
const TINTS = [[1, 0.16, 0.14], [0.1, 0.86, 0.2], [0.22, 0.42, 1]]; // of a channel's 255
const FOOT = 22; // pixels under the pictures, for their names
const NARROW = 8; // columns of fewer pixels stand without gaps
const EDGE = 2; // around all, for the ring of a patch at the border
const INK = [225, 158, 250]; // from here on black is read better on a channel's tint than white

const within = (v, low, high) => Math.max(low, Math.min(high, v));
const smooth = (t) => t * t * (3 - 2 * t);

class Stepper {
  step = 0;
  from = 0; // the step that it moves from
  share = 1; // of the way from that one
  began = 0; // when the move began
  playing = false;
  chosen = null; // patch
  spot = null; // under the pointer: { patch, token, j }
  side = 0; // patches across
  count = 0; // patches
  first = 0; // the token of the first patch
  inside = 0; // numbers per patch
  tokens = new Float32Array();
  positions = new Float32Array();
  w = 0; // of the pictures, in pixels before the zoom
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
    const act = {
      back: () => this.visit(this.step - 1),
      next: () => this.visit(this.step + 1),
      play: () => this.play(!this.playing),
    };
    for (const button of root.querySelectorAll("[data-do]")) {
      button.addEventListener("click", act[button.dataset.do]);
    }
    root.addEventListener("keydown", (event) => {
      const turn = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (turn && event.shiftKey) this.choose(within(this.chosen + turn, 0, this.count - 1), null);
      else if (turn) this.visit(this.step + turn);
      else if (event.key === " " && event.target === root) act.play();
      else return;
      event.preventDefault();
    });
    const look = (event) => {
      const box = this.canvas.getBoundingClientRect();
      const found = this.under(
        (event.clientX - box.left) / this.zoom - EDGE,
        (event.clientY - box.top) / this.zoom - EDGE,
      );
      if (found) this.choose(found.patch, found);
    };
    this.canvas.addEventListener("pointermove", look);
    this.canvas.addEventListener("pointerdown", look);
    this.canvas.addEventListener("pointerleave", () => this.choose(this.chosen, null));
    new ResizeObserver(() => this.schedule()).observe(this.canvas);
    offerFiles(root.querySelector(".files"), (format) => saveStep(this, format));
    onTheme(root, () => this.schedule());
  }

  take(bytes) {
    const message = headerOf(bytes);
    const h = (this.header = message.header);
    let { at } = message;
    if (!this.pixels) this.begin();
    keepAddress(this.root, () => this.told());
    const n = h.size ** 2;
    this.pixels = bytes.slice(at, at + 3 * n);
    at += Math.ceil((3 * n) / 4) * 4;
    const floats = () => new Float32Array(bytes.slice(at, at += 4 * h.tokens * h.dim).buffer);
    [this.tokens, this.positions] = [floats(), floats()];
    this.known = h.tokens > 0;
    const side = h.size / h.patch;
    if (side !== this.side) this.chosen = Math.floor(side / 2) * (side + 1);
    Object.assign(this, { side, count: side ** 2, first: h.cls ? 1 : 0, inside: 3 * h.patch ** 2 });

    const rgb = (i) => this.pixels.subarray(3 * i, 3 * i + 3);
    const tint = (v, channel) => TINTS[channel].map((part) => v * part);
    this.picture = painted(h.size, h.size, (i) => rgb(i));
    this.planes = CHANNELS.map((_, c) => painted(h.size, h.size, (i) => tint(this.pixels[3 * i + c], c)));
    this.flat = painted(this.count, this.inside, (at) => {
      const [patch, j] = [at % this.count, Math.floor(at / this.count)];
      return tint(this.value(patch, j), Math.floor(j / h.patch ** 2));
    });
    const colors = bytesOf(h.signs);
    const colored = (values) =>
      painted(h.tokens, h.dim, (at) => {
        const c = 3 * shade(values[(at % h.tokens) * h.dim + Math.floor(at / h.tokens)], h.limit, true);
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
    bar.drawImage(painted(256, 1, (i) => colors.subarray(3 * i, 3 * i + 3)), 0, 0);
    const [low, high] = this.root.querySelectorAll(".steps-scale span");
    [low.textContent, high.textContent] = [`\u2264 ${number(-h.limit)}`, `\u2265 ${number(h.limit)}`];
    this.furnish();
    this.tell();
    this.schedule();
  }

  // Number j of a patch's pixels, as the model counts them: the channel slowest, then row by row.
  value(patch, j) {
    const { size, patch: p } = this.header;
    const [channel, cell] = [Math.floor(j / p ** 2), j % p ** 2];
    const row = Math.floor(patch / this.side) * p + Math.floor(cell / p);
    const column = (patch % this.side) * p + (cell % p);
    return this.pixels[3 * (row * size + column) + channel];
  }

  // Of the picture with the names below it, in pixels.
  get height() {
    return this.h + FOOT;
  }

  // At the step that the address names, or the one that it was given: in a talk.
  begin() {
    const linked = this.header.step ?? Number(new URLSearchParams(window.location.search).get("step"));
    if (TITLES[linked - 1]) this.step = this.from = linked - 1;
  }

  // What stands in the address, so that a link reproduces the view; nothing where it was given a step.
  told() {
    return this.header.step === null ? { step: this.step ? String(this.step + 1) : null } : null;
  }

  visit(step) {
    this.play(false);
    this.go(step);
  }

  go(step) {
    if (step < 0 || step >= TITLES.length || step === this.step) return;
    Object.assign(this, { from: this.step, step, spot: null, began: performance.now() });
    this.share = window.matchMedia("(prefers-reduced-motion: reduce)").matches ? 1 : 0;
    if (this.header.step === null) writeAddress(this.told());
    this.furnish();
    this.tell();
    this.schedule();
  }

  play(on) {
    clearTimeout(this.timer);
    if (!on && !this.playing) return;
    this.playing = on;
    if (on && this.step === TITLES.length - 1) this.go(0);
    this.furnish();
    const next = () => {
      if (!this.playing || !this.root.isConnected) return;
      if (this.step === TITLES.length - 1) return this.play(false);
      this.go(this.step + 1);
      this.timer = setTimeout(next, MOVE_MS + REST_MS);
    };
    if (on) this.timer = setTimeout(next, this.share < 1 ? MOVE_MS + REST_MS / 2 : 300);
  }

  furnish() {
    const { header: h, step, count, inside, known } = this;
    const all = count + this.first;
    const shapes = [
      `[3, ${h.size}, ${h.size}]`,
      `[${count}, 3, ${h.patch}, ${h.patch}]`,
      `[${count}, ${inside}]`,
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
    const words = stepWords(this, shapes);
    this.root.querySelector(".steps-words").textContent = words[step];
    this.canvas.setAttribute("aria-label", `${TITLES[step]}: ${words[step]}`);
    this.root.dataset.step = step + 1;
    this.root.dataset.tokens = count;
    this.root.dataset.playing = this.playing;
  }

  schedule() {
    if (this.due) return;
    this.due = true;
    requestAnimationFrame(() => {
      this.due = false;
      if (!this.header || !this.root.isConnected) return;
      if (this.share < 1) {
        this.share = Math.min(1, (performance.now() - this.began) / MOVE_MS);
        this.schedule();
      }
      this.draw();
    });
  }

  // The frame of a step: the square of the image; columns under the patches; three panels of columns.
  frame(step) {
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
      const pitch = room < NARROW ? room : Math.min(72, Math.floor(room)); // whole pixels: all gaps alike
      const unit = room < NARROW ? room : Math.round(pitch * 0.9),
        x = gutter + Math.max(0, (w - gutter - all * pitch) / 2);
      return {
        pitch,
        unit,
        lefts: [x],
        top: unit + 8,
        rows: step === 3 && known ? this.header.dim : this.inside,
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

  // Where patch i stands in a step: [x, y, side]
  place(step, i) {
    const f = this.frame(step);
    if (step > 1) return [f.lefts[0] + (i + this.first) * f.pitch, 0, f.unit];
    const gap = step ? within(24 / this.side, 2, 8) : 0;
    const unit = (f.square - gap * (this.side - 1)) / this.side;
    return [(i % this.side) * (unit + gap), Math.floor(i / this.side) * (unit + gap), unit];
  }

  under(px, py) {
    if (!this.header || !this.h || py > this.h) return null;
    const { step, side, count, first } = this;
    const f = this.frame(step);
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

  choose(patch, spot) {
    const same = patch === this.chosen && spot?.j === this.spot?.j && spot?.token === this.spot?.token;
    if (same) return;
    Object.assign(this, { chosen: patch, spot });
    this.tell();
    this.schedule();
  }

  tell() {
    this.root.querySelector(".steps-hover").textContent = spotWords(this);
    this.root.dataset.patch = this.chosen + 1;
  }

  draw() {
    const look = coloring(this.root);
    const [wide, high] = [Math.max(200, this.canvas.clientWidth), this.canvas.clientHeight];
    const p = new CanvasPainter(this.canvas, wide, high), zoom = (this.zoom = zoomOf());
    p.ctx.scale(zoom, zoom);
    p.ctx.translate(EDGE, EDGE);
    [this.w, this.h] = [wide / zoom - 2 * EDGE, high / zoom - 2 * EDGE - FOOT];
    this.paint(p, look);
    this.root.dataset.still = this.share === 1;
  }

  paint(p, look) {
    const fade = (step, alpha) => {
      p.ctx.globalAlpha = alpha;
      if (alpha > 0) this.scene(p, step, look);
      p.ctx.globalAlpha = 1;
    };
    if (this.share === 1) this.scene(p, this.step, look);
    else {[[this.from, 1 - this.share / 0.35], [this.step, (this.share - 0.6) / 0.4]].forEach((part) =>
        fade(...part)
      );}
    const { header: h, count, side } = this;
    const cut = (i, x, y, unit) =>
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
      const t = smooth(within(1.5 * this.share - (0.5 * i) / count, 0, 1)); // one after the other, row by row
      const a = this.place(this.from, i), b = this.place(this.step, i);
      const [x, y, unit] = a.map((v, k) => v + (b[k] - v) * t);
      cut(i, x, y, unit);
      const summed = this.step === 4 && this.known && this.share === 1;
      if (summed) cut(i, x + this.frame(4).lefts[2], y, unit); // above the sum
    }
    const [x, y, unit] = this.place(this.step, this.chosen);
    if (this.share === 1) ring(p, x, y, unit, unit);
  }

  // All of a step but the moving patches
  scene(p, step, look) {
    const { h, chosen, first, known } = this;
    const f = this.frame(step), small = { font: look.font, size: 13, color: look.text };
    if (step === 0) return this.channels(p, f.x, f.unit, [0, 0, this.header.size], look);
    if (step === 1) {
      const size = this.header.patch, y = (h - f.unit) / 2;
      const part = [(chosen % this.side) * size, Math.floor(chosen / this.side) * size, size];
      p.pixels(this.picture, part[0], part[1], size, size, f.x, y, f.unit, f.unit);
      p.text(`patch ${chosen + 1}`, f.x, y + f.unit + 13, small);
      return this.channels(p, f.x + f.unit + 44, f.unit, part, look);
    }
    const all = this.count + first, high = h - f.top;
    const column = { x: f.lefts[0] + (chosen + first) * f.pitch, wide: f.unit };
    if (step === 2) {
      for (let i = 0; i < this.count; i++) {
        p.pixels(this.flat, i, 0, 1, f.rows, f.lefts[0] + (i + first) * f.pitch, f.top, f.unit, high);
      }
      if (first) this.empty(p, f, look, 1);
      CHANNELS.forEach((name, c) =>
        p.text(name, f.lefts[0] - 10, f.top + ((c + 0.5) * high) / 3, { ...small, align: "right" })
      );
      p.text(`one column is one patch: its ${f.rows} numbers, 0 to 255`, f.lefts[0], h + 13, small);
      ring(p, column.x, f.top, column.wide, high, ["#fff", "#000"]);
    } else if (!known) {
      this.empty(p, f, look, all);
    } else if (step === 3) {
      for (let t = 0; t < all; t++) {
        p.pixels(this.strips[0], t, 0, 1, f.rows, f.lefts[0] + t * f.pitch, f.top, f.unit, high);
      }
      if (first) this.empty(p, f, look, 1, 0);
      [`${f.rows}`, "numbers"].forEach((word, i) =>
        p.text(word, f.lefts[0] - 10, f.top + high / 2 - 9 + 18 * i, { ...small, align: "right" })
      );
      p.text(`one column is one token: its ${f.rows} numbers`, f.lefts[0], h + 13, small);
      ring(p, column.x, f.top, column.wide, high, ["#fff", "#000"]);
    } else {
      const names = [first ? "patches and CLS" : "patches", "positions", "what the first block reads"];
      f.lefts.forEach((left, i) => {
        p.pixels(this.strips[i], 0, 0, all, f.rows, left, f.top, f.wide, high);
        p.text(`${names[i]}, spread ${number(this.header.spreads[i])}`, left, h + 13, small);
        if (i) p.text("+="[i - 1], left - 22, f.top + high / 2, { ...small, size: 24, align: "center" });
        ring(p, left + (chosen + first) * f.pitch, f.top, f.pitch, high, ["#fff", "#000"]);
      });
    }
  }

  // A part [x, y, size] of the image as its three colors, with the numbers where there is room
  channels(p, x, unit, part, look) {
    const [sx, sy, size] = part;
    const y = (this.h - unit) / 2, cell = unit / size;
    p.text("=", x - (sx || size < this.header.size ? 22 : 28), this.h / 2, {
      font: look.font,
      size: 24,
      align: "center",
      color: look.text,
    });
    CHANNELS.forEach((name, c) => {
      const left = x + c * (unit + 14);
      p.pixels(this.planes[c], sx, sy, size, size, left, y, unit, unit);
      p.text(name, left, y + unit + 13, { font: look.font, size: 13, color: look.text });
      if (cell < 30) return;
      for (let i = 0; i < size ** 2; i++) {
        const [column, row] = [i % size, Math.floor(i / size)];
        const v = this.pixels[3 * ((sy + row) * this.header.size + sx + column) + c];
        const type = {
          font: look.font,
          size: Math.min(16, cell / 2.9),
          align: "center",
          color: v > INK[c] ? "#000" : "#fff",
        };
        p.text(v, left + (column + 0.5) * cell, y + (row + 0.5) * cell, type);
      }
    });
  }

  // Places without pixels (CLS), and columns that are not known
  empty(p, f, look, columns, below = 1) {
    const dash = { stroke: look.faint, dash: [3, 3] };
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
        font: look.font,
        size: 13,
        color: look.text,
        align: "right",
      });
    }
  }
}

// White in black, or black in white: seen on every picture
function ring(p, x, y, w, h, [outer, inner] = ["#000", "#fff"]) {
  p.rect(x - 1, y - 1, w + 2, h + 2, { stroke: outer, line: 4 });
  p.rect(x - 1, y - 1, w + 2, h + 2, { stroke: inner, line: 2 });
}

// A canvas of width x height pixels, their colors row by row
function painted(width, height, color) {
  const canvas = canvasOf(width, height), ctx = canvas.getContext("2d");
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
  root.stepper.take(data);
}
