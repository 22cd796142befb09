// One image in F frames (rows x columns) and M models' answers to each; see __init__.py for the data.
// data: header, pictures uint8 [P, F, S, S, 3], float32 probabilities [M, F, C]

import { keepAddress } from "../shared/address.js";
import { bytesOf, shade, table } from "../shared/colors.js";
import { headerOf } from "../shared/message.js";
import { canvasOf, CanvasPainter } from "../shared/paint.js";
import { offerFiles } from "../shared/save.js";
import { onTheme } from "../shared/theme.js";
import { saveReplay } from "./files.js";
import {
  cellsOf,
  cellsText,
  clampFrame,
  frameOf,
  frameText,
  largest,
  shownClasses,
  spiral,
  startFrame,
} from "./state.js";

const TICK_MS = 140;

class Replay {
  row = 0;
  column = 0;
  mask = []; // 0 or 1 per cell
  painting = false; // whether the mask is shown
  stroke = null; // what is being painted: 1 covers cells, 0 uncovers them
  playing = false;
  host = null;

  constructor(root) {
    this.root = root;
    const find = (name) => root.querySelector(`[data-do="${name}"]`);
    this.button = find("play");
    this.reset = find("reset");
    this.range = root.querySelector("input");
    this.button.addEventListener("click", () => this.play(!this.playing));
    this.reset.addEventListener("click", () => this.clear());
    this.range.addEventListener("input", () => {
      this.play(false);
      this.go(+this.range.value, this.column);
    });
    offerFiles(root.querySelector(".files"), (format) => saveReplay(this, format));
    onTheme(root, () => this.draw());
    this.watch = new ResizeObserver(() => this.draw());
    this.watch.observe(root);
  }

  take(bytes) {
    const { header: h, at } = headerOf(bytes);
    const same = this.header &&
      ["mode", "unit", "size", "views", "cells"].every((k) => this.header[k] === h[k]) &&
      ["rows", "columns"].every((k) => this.header[k].length === h[k].length);
    this.header = h;
    this.frames = h.rows.length * h.columns.length;
    const length = h.views * this.frames * h.size ** 2 * 3;
    this.pixels = bytes.subarray(at, at + length);
    this.chances = new Float32Array(bytes.slice(at + Math.ceil(length / 4) * 4).buffer);
    this.painting = Boolean(h.painted);
    this.mask = h.painted ? [...h.painted.mask].map(Number) : new Array(h.cells ** 2).fill(0);
    if (!same) {
      [this.row, this.column] = startFrame(h);
      this.play(false);
      this.begin();
    }
    keepAddress(this.root, () => this.told());
    this.furnish();
    this.draw();
  }

  // The frame that a link names; the server answers to what a link has painted over.
  begin() {
    const { header: h } = this;
    const linked = h.at ?? Object.fromEntries(new URLSearchParams(window.location.search));
    const frame = frameOf(linked[h.kind], h);
    if (frame) [this.row, this.column] = frame;
    if (this.painting || !h.cells) return;
    const bits = cellsOf(linked.painted, h.cells ** 2);
    if (bits) this.host.ask(bits);
  }

  // What stands in the address; nothing where it was given another state, in a talk or in a file.
  told() {
    const { header: h } = this;
    if (h.at) return null;
    const told = { [h.kind]: frameText([this.row, this.column], h) };
    if (h.cells) told.painted = this.painting ? cellsText(this.mask) : null;
    return told;
  }

  // A model's answers to all frames: float32 [F, C]
  chancesOf(model) {
    const size = this.frames * this.header.classes.length;
    return this.chances.subarray(model * size, (model + 1) * size);
  }

  // A model's answer to one frame, or to what is painted: [C]
  said(model, frame) {
    if (this.painting) return this.header.painted.chances[model];
    const n = this.header.classes.length;
    return this.chancesOf(model).subarray(frame * n, (frame + 1) * n);
  }

  get frame() {
    return this.row * this.header.columns.length + this.column;
  }

  go(row, column) {
    [this.row, this.column] = clampFrame([row, column], this.header);
    if (this.painting) this.erase();
    this.draw();
  }

  clear() {
    this.play(false);
    this.go(...startFrame(this.header));
  }

  erase() {
    this.painting = false;
    this.mask.fill(0);
  }

  // Drag mode walks a spiral outwards; the others go through the rows, and begin again.
  play(on) {
    clearInterval(this.timer);
    this.playing = on;
    this.button.textContent = on ? "Pause" : "Play";
    if (!on) return;
    let tick = 0;
    this.timer = setInterval(() => {
      if (!this.root.isConnected) return clearInterval(this.timer);
      const { rows, mode } = this.header;
      if (mode !== "drag") return this.go((this.row + 1) % rows.length, this.column);
      const next = spiral(tick, this.header);
      tick = next.tick;
      this.go(...next.frame);
    }, this.header.mode === "drag" ? TICK_MS : 4 * TICK_MS);
  }

  furnish() {
    const { root, header: h } = this;
    root.dataset.mode = h.mode;
    root.dataset.views = h.views;
    if (h.cells) root.dataset.cells = h.cells;
    else delete root.dataset.cells;
    root.querySelector("label").style.display = h.mode === "drag" ? "none" : "";
    root.querySelector(".replay-unit").textContent = h.unit;
    this.range.max = h.rows.length - 1;
    this.range.setAttribute("aria-label", h.unit);
    root.querySelector(".replay-hint").textContent = h.hint;
    const views = root.querySelector(".replay-views");
    if (views.childElementCount !== h.views) {
      views.replaceChildren();
      for (let i = 0; i < h.views; i++) views.append(this.figure());
    }
    const places = root.querySelector(".replay-columns");
    places.replaceChildren();
    if (h.mode === "again") {
      places.append(
        this.small("Shuffle again", () => this.go(this.row, (this.column + 1) % h.columns.length)),
      );
    }
    if (h.mode === "pick") {
      h.columns.forEach((name, i) => places.append(this.small(name, () => this.go(this.row, i))));
    }
    const answers = root.querySelector(".replay-answers");
    answers.replaceChildren(...h.models.map((_, i) => this.answer(i)));
  }

  small(name, act) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = name;
    button.addEventListener("click", act);
    return button;
  }

  figure() {
    const figure = document.createElement("figure"), canvas = document.createElement("canvas");
    const caption = document.createElement("figcaption");
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "img");
    figure.append(caption, canvas);
    let from = null;
    const cell = (event) => {
      const box = canvas.getBoundingClientRect(), n = this.header.cells;
      const at = (v, begin) => Math.max(0, Math.min(n - 1, Math.floor(((v - begin) / box.width) * n)));
      return at(event.clientY, box.top) * n + at(event.clientX, box.left);
    };
    canvas.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      canvas.focus({ preventScroll: true }); // else what is under the pointer moves away
      canvas.setPointerCapture(event.pointerId);
      this.play(false);
      if (this.header.mode === "drag") from = [event.clientX, event.clientY, this.row, this.column];
      else if (this.header.cells) {
        if (!this.painting) this.mask.fill(0);
        this.stroke = 1 - this.mask[cell(event)];
        this.paint(cell(event));
      }
    });
    canvas.addEventListener("pointermove", (event) => {
      if (from) {
        const scale = canvas.clientWidth / this.header.size;
        this.go(
          from[2] + Math.round((event.clientY - from[1]) / scale),
          from[3] + Math.round((event.clientX - from[0]) / scale),
        );
      } else if (this.stroke !== null) this.paint(cell(event));
    });
    const end = () => {
      from = null;
      if (this.stroke === null) return;
      this.stroke = null;
      this.send();
    };
    canvas.addEventListener("pointerup", end);
    canvas.addEventListener("pointercancel", end);
    canvas.addEventListener("keydown", (event) => {
      const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
      const move = moves[event.key];
      if (!move) return;
      event.preventDefault();
      this.play(false);
      if (this.header.mode === "drag") this.go(this.row + move[0], this.column + move[1]);
      else this.go(this.row + (move[1] || -move[0]), this.column);
    });
    return figure;
  }

  paint(cell) {
    this.mask[cell] = this.stroke;
    this.draw();
  }

  send() {
    if (this.mask.some(Boolean)) this.host.ask(this.mask.join(""));
    else this.go(...startFrame(this.header));
  }

  answer(at) {
    const box = document.createElement("section");
    box.className = "replay-model";
    box.innerHTML = `<h3></h3><div class="replay-bars"></div>`;
    if (this.header.mode === "drag") {
      const map = document.createElement("canvas"), note = document.createElement("small");
      map.addEventListener("pointermove", (event) => {
        const b = map.getBoundingClientRect(), { rows, columns } = this.header;
        this.play(false);
        this.go(
          Math.floor(((event.clientY - b.top) / b.height) * rows.length),
          Math.floor(((event.clientX - b.left) / b.width) * columns.length),
        );
      });
      box.append(map, note);
    }
    box.dataset.model = at;
    return box;
  }

  draw() {
    const { header: h, root } = this;
    if (!h || !root.isConnected) return;
    this.range.value = this.row;
    const moved = `right ${h.columns[this.column]}, down ${h.rows[this.row]}`;
    const words = this.painting || this.stroke !== null
      ? `${this.mask.filter(Boolean).length} painted`
      : h.mode === "drag"
      ? moved
      : h.rows[this.row];
    root.querySelector("output").textContent = words;
    root.dataset.frame = this.frame;
    root.querySelectorAll(".replay-columns button").forEach((b, i) =>
      h.mode === "pick" && b.setAttribute("aria-pressed", i === this.column)
    );
    root.querySelectorAll("figure").forEach((figure, view) => this.picture(figure, view, words));
    root.querySelectorAll(".replay-model").forEach((box, i) => this.says(box, i));
  }

  picture(figure, view, words) {
    const { header: h } = this, s = h.size;
    const frame = this.stroke !== null || this.painting ? h.start : this.frame;
    const base = (view * this.frames + frame) * s * s * 3;
    const sheet = canvasOf(s, s), ctx = sheet.getContext("2d"), data = ctx.createImageData(s, s);
    for (let i = 0; i < s * s; i++) {
      data.data.set([
        this.pixels[base + 3 * i],
        this.pixels[base + 3 * i + 1],
        this.pixels[base + 3 * i + 2],
        255,
      ], 4 * i);
    }
    ctx.putImageData(data, 0, 0);
    const canvas = figure.querySelector("canvas"), side = canvas.clientWidth;
    const p = new CanvasPainter(canvas, side, side);
    p.pixels(sheet, 0, 0, s, s, 0, 0, side, side);
    if (this.stroke !== null || this.painting) {
      const cells = Math.sqrt(this.mask.length), unit = side / cells;
      this.mask.forEach((on, i) =>
        on && p.rect((i % cells) * unit, Math.floor(i / cells) * unit, unit, unit, { fill: h.blank })
      );
    }
    figure.querySelector("figcaption").textContent = h.views > 1
      ? `What the ${h.models[view].label} sees`
      : h.name;
    canvas.setAttribute("aria-label", `${h.name}, ${words}`);
  }

  says(box, i) {
    const { header: h } = this, values = this.said(i, this.frame), { label, color } = h.models[i];
    const best = largest(values);
    const verdict = h.truth === null
      ? ""
      : best === h.truth
      ? ", right"
      : `, wrong: it is ${h.classes[h.truth]}`;
    const title = box.querySelector("h3"), name = document.createElement("span");
    title.textContent = `${label}: `;
    name.textContent = `${h.classes[best]}, ${Math.round(100 * values[best])} %${verdict}`;
    title.append(name);
    const shown = shownClasses(this.chancesOf(i), h);
    if (!shown.includes(best)) shown[shown.length - 1] = best;
    const bars = box.querySelector(".replay-bars");
    if (bars.childElementCount !== 3 * shown.length) {
      bars.innerHTML = shown.map(() => "<b></b><div><span></span></div><i></i>").join("");
    }
    shown.forEach((c, k) => {
      const [word, bar, share] = [...bars.children].slice(3 * k, 3 * k + 3);
      word.textContent = h.classes[c];
      word.classList.toggle("truth", c === h.truth);
      Object.assign(bar.firstChild.style, { width: `${100 * values[c]}%`, background: color });
      share.textContent = `${Math.round(100 * values[c])} %`;
    });
    box.dataset.answer = h.classes[best];
    const map = box.querySelector("canvas");
    if (map) this.map(map, i);
  }

  // How sure the model is of its unmoved answer, wherever the image is moved to.
  map(canvas, model) {
    const { rows, columns, classes, start, colors } = this.header, n = classes.length;
    const { label } = this.header.models[model], chances = this.chancesOf(model);
    const kept = largest(chances.subarray(start * n, (start + 1) * n));
    const sheet = canvasOf(columns.length, rows.length), ctx = sheet.getContext("2d");
    const data = ctx.createImageData(columns.length, rows.length), pixels = new Uint32Array(data.data.buffer);
    const scale = table(bytesOf(colors));
    for (let f = 0; f < this.frames; f++) pixels[f] = scale[shade(chances[f * n + kept], 1, false)];
    ctx.putImageData(data, 0, 0);
    const side = canvas.clientWidth, p = new CanvasPainter(canvas, side, side), unit = side / columns.length;
    p.pixels(sheet, 0, 0, columns.length, rows.length, 0, 0, side, side);
    p.rect(this.column * unit + 0.5, this.row * unit + 0.5, unit - 1, unit - 1, { stroke: "#000", line: 3 });
    p.rect(this.column * unit + 0.5, this.row * unit + 0.5, unit - 1, unit - 1, {
      stroke: "#fff",
      line: 1.5,
    });
    canvas.nextSibling.textContent = `how sure of ${classes[kept]}, at every shift`;
    canvas.setAttribute("role", "img");
    canvas.setAttribute(
      "aria-label",
      `How sure the ${label} is of ${classes[kept]} at every shift, dark 0 to bright 100 %`,
    );
  }
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".replay");
  root.replay ??= new Replay(root);
  root.replay.host = { ask: (mask) => setTriggerValue("mask", mask) };
  root.replay.take(data);
}
