// One image in F frames (rows x columns), and the predictions of M models for each; see __init__.py.
// data: header, pictures uint8 [P, F, S, S, 3], float32 probabilities [M, F, C]

import { keepAddress } from "../shared/address.js";
import { colorIndex, colorTable, decodeBase64 } from "../shared/colors.js";
import { readHeader } from "../shared/message.js";
import { CanvasPainter, createCanvas } from "../shared/paint.js";
import { offerFiles } from "../shared/save.js";
import { onTheme } from "../shared/theme.js";
import { saveReplay } from "./files.js";
import {
  argmax,
  cellsText,
  clampFrame,
  frameText,
  parseCells,
  parseFrame,
  shownClasses,
  spiral,
  startFrame,
} from "./state.js";

const TICK_MS = 140;

class Replay {
  row = 0;
  column = 0;
  mask = []; // 0 or 1 per cell
  painted = false; // whether the mask is shown
  stroke = null; // while the pointer paints: 1 covers cells, 0 uncovers them
  playing = false;
  host = null;

  constructor(root) {
    this.root = root;
    const find = (name) => root.querySelector(`[data-do="${name}"]`);
    this.playButton = find("play");
    const resetButton = find("reset");
    this.range = root.querySelector("input");
    this.playButton.addEventListener("click", () => this.play(!this.playing));
    resetButton.addEventListener("click", () => this.reset());
    this.range.addEventListener("input", () => {
      this.play(false);
      this.go(+this.range.value, this.column);
    });
    offerFiles(root.querySelector(".files"), (format) => saveReplay(this, format));
    onTheme(root, () => this.draw());
    new ResizeObserver(() => this.draw()).observe(root);
  }

  // Show new data from the server.
  update(bytes) {
    const { header: h, offset } = readHeader(bytes);
    const same = this.header &&
      ["mode", "unit", "size", "views", "cells"].every((k) => this.header[k] === h[k]) &&
      ["rows", "columns"].every((k) => this.header[k].length === h[k].length);
    this.header = h;
    this.frames = h.rows.length * h.columns.length;
    const length = h.views * this.frames * h.size ** 2 * 3;
    this.pixels = bytes.subarray(offset, offset + length);
    this.probabilities = new Float32Array(bytes.slice(offset + Math.ceil(length / 4) * 4).buffer);
    this.painted = Boolean(h.painted);
    this.mask = h.painted ? [...h.painted.mask].map(Number) : new Array(h.cells ** 2).fill(0);
    if (!same) {
      [this.row, this.column] = startFrame(h);
      this.play(false);
      this.restoreFromLink();
    }
    keepAddress(this.root, () => this.parameters());
    this.renderControls();
    this.draw();
  }

  // Show the frame that the link names, and ask the server for the predictions if the link has painted cells.
  restoreFromLink() {
    const { header: h } = this;
    const linked = h.at ?? Object.fromEntries(new URLSearchParams(window.location.search));
    const frame = parseFrame(linked[h.kind], h);
    if (frame) [this.row, this.column] = frame;
    if (this.painted || !h.cells) return;
    const bits = parseCells(linked.painted, h.cells ** 2);
    if (bits) this.host.ask(bits);
  }

  // The query parameters of this view, or null if the server gave the state, as in a talk or a standalone file.
  parameters() {
    const { header: h } = this;
    if (h.at) return null;
    const values = { [h.kind]: frameText([this.row, this.column], h) };
    if (h.cells) values.painted = this.painted ? cellsText(this.mask) : null;
    return values;
  }

  // A model's probabilities for all frames, [F, C].
  allProbabilities(model) {
    const size = this.frames * this.header.classes.length;
    return this.probabilities.subarray(model * size, (model + 1) * size);
  }

  // A model's probabilities for one frame, or for the painted image, [C].
  probabilitiesFor(model, frame) {
    if (this.painted) return this.header.painted.probabilities[model];
    const n = this.header.classes.length;
    return this.allProbabilities(model).subarray(frame * n, (frame + 1) * n);
  }

  get frame() {
    return this.row * this.header.columns.length + this.column;
  }

  go(row, column) {
    [this.row, this.column] = clampFrame([row, column], this.header);
    if (this.painted) this.clearMask();
    this.draw();
  }

  reset() {
    this.play(false);
    this.go(...startFrame(this.header));
  }

  clearMask() {
    this.painted = false;
    this.mask.fill(0);
  }

  // Drag mode follows a spiral outwards. The other modes cycle through the rows.
  play(on) {
    clearInterval(this.timer);
    this.playing = on;
    this.playButton.textContent = on ? "Pause" : "Play";
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

  renderControls() {
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
      for (let i = 0; i < h.views; i++) views.append(this.createFigure());
    }
    const buttons = root.querySelector(".replay-columns");
    buttons.replaceChildren();
    if (h.mode === "again") {
      buttons.append(
        this.createButton("Shuffle again", () => this.go(this.row, (this.column + 1) % h.columns.length)),
      );
    }
    if (h.mode === "pick") {
      h.columns.forEach((name, i) => buttons.append(this.createButton(name, () => this.go(this.row, i))));
    }
    const predictions = root.querySelector(".replay-predictions");
    predictions.replaceChildren(...h.models.map((_, i) => this.createPrediction(i)));
  }

  createButton(name, act) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = name;
    button.addEventListener("click", act);
    return button;
  }

  createFigure() {
    const figure = document.createElement("figure"), canvas = document.createElement("canvas");
    const caption = document.createElement("figcaption");
    canvas.tabIndex = 0;
    canvas.setAttribute("role", "img");
    figure.append(caption, canvas);
    let dragStart = null; // pointer x, y and frame
    const cellUnder = (event) => {
      const box = canvas.getBoundingClientRect(), n = this.header.cells;
      const index = (v, begin) => Math.max(0, Math.min(n - 1, Math.floor(((v - begin) / box.width) * n)));
      return index(event.clientY, box.top) * n + index(event.clientX, box.left);
    };
    canvas.addEventListener("pointerdown", (event) => {
      event.preventDefault();
      canvas.focus({ preventScroll: true }); // without scrolling: the pointer must stay on the same cell
      canvas.setPointerCapture(event.pointerId);
      this.play(false);
      if (this.header.mode === "drag") dragStart = [event.clientX, event.clientY, this.row, this.column];
      else if (this.header.cells) {
        if (!this.painted) this.mask.fill(0);
        this.stroke = 1 - this.mask[cellUnder(event)];
        this.paint(cellUnder(event));
      }
    });
    canvas.addEventListener("pointermove", (event) => {
      if (dragStart) {
        const scale = canvas.clientWidth / this.header.size;
        this.go(
          dragStart[2] + Math.round((event.clientY - dragStart[1]) / scale),
          dragStart[3] + Math.round((event.clientX - dragStart[0]) / scale),
        );
      } else if (this.stroke !== null) this.paint(cellUnder(event));
    });
    const end = () => {
      dragStart = null;
      if (this.stroke === null) return;
      this.stroke = null;
      this.requestPredictions();
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

  requestPredictions() {
    if (this.mask.some(Boolean)) this.host.ask(this.mask.join(""));
    else this.go(...startFrame(this.header));
  }

  createPrediction(model) {
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
    box.dataset.model = model;
    return box;
  }

  draw() {
    const { header: h, root } = this;
    if (!h || !root.isConnected) return;
    this.range.value = this.row;
    const shift = `right ${h.columns[this.column]}, down ${h.rows[this.row]}`;
    const amount = this.painted || this.stroke !== null
      ? `${this.mask.filter(Boolean).length} painted`
      : h.mode === "drag"
      ? shift
      : h.rows[this.row];
    root.querySelector("output").textContent = amount;
    root.dataset.frame = this.frame;
    root.querySelectorAll(".replay-columns button").forEach((b, i) =>
      h.mode === "pick" && b.setAttribute("aria-pressed", i === this.column)
    );
    root.querySelectorAll("figure").forEach((figure, view) => this.drawView(figure, view, amount));
    root.querySelectorAll(".replay-model").forEach((box, i) => this.drawPrediction(box, i));
  }

  drawView(figure, view, amount) {
    const { header: h } = this, s = h.size;
    const frame = this.stroke !== null || this.painted ? h.start : this.frame;
    const base = (view * this.frames + frame) * s * s * 3;
    const sheet = createCanvas(s, s), ctx = sheet.getContext("2d"), data = ctx.createImageData(s, s);
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
    if (this.stroke !== null || this.painted) {
      const cells = Math.sqrt(this.mask.length), unit = side / cells;
      this.mask.forEach((on, i) =>
        on && p.rect((i % cells) * unit, Math.floor(i / cells) * unit, unit, unit, { fill: h.blank })
      );
    }
    figure.querySelector("figcaption").textContent = h.views > 1
      ? `What the ${h.models[view].label} sees`
      : h.name;
    canvas.setAttribute("aria-label", `${h.name}, ${amount}`);
  }

  drawPrediction(box, i) {
    const { header: h } = this,
      values = this.probabilitiesFor(i, this.frame),
      { label: model, color } = h.models[i];
    const best = argmax(values);
    const verdict = h.truth === null
      ? ""
      : best === h.truth
      ? ", correct"
      : `, wrong: it is ${h.classes[h.truth]}`;
    const title = box.querySelector("h3"), name = document.createElement("span");
    title.textContent = `${model}: `;
    name.textContent = `${h.classes[best]}, ${Math.round(100 * values[best])} %${verdict}`;
    title.append(name);
    const shown = shownClasses(this.allProbabilities(i), h);
    if (!shown.includes(best)) shown[shown.length - 1] = best;
    const bars = box.querySelector(".replay-bars");
    if (bars.childElementCount !== 3 * shown.length) {
      bars.innerHTML = shown.map(() => "<b></b><div><span></span></div><i></i>").join("");
    }
    shown.forEach((c, k) => {
      const [label, bar, percent] = [...bars.children].slice(3 * k, 3 * k + 3);
      label.textContent = h.classes[c];
      label.classList.toggle("truth", c === h.truth);
      Object.assign(bar.firstChild.style, { width: `${100 * values[c]}%`, background: color });
      percent.textContent = `${Math.round(100 * values[c])} %`;
    });
    box.dataset.answer = h.classes[best];
    const map = box.querySelector("canvas");
    if (map) this.drawShiftMap(map, i);
  }

  // Draw the probability of the class predicted without a shift, at every shift.
  drawShiftMap(canvas, model) {
    const { rows, columns, classes, start, colors } = this.header, n = classes.length;
    const { label } = this.header.models[model], probabilities = this.allProbabilities(model);
    const predicted = argmax(probabilities.subarray(start * n, (start + 1) * n));
    const sheet = createCanvas(columns.length, rows.length), ctx = sheet.getContext("2d");
    const data = ctx.createImageData(columns.length, rows.length), pixels = new Uint32Array(data.data.buffer);
    const scale = colorTable(decodeBase64(colors));
    for (let f = 0; f < this.frames; f++) {
      pixels[f] = scale[colorIndex(probabilities[f * n + predicted], 1, false)];
    }
    ctx.putImageData(data, 0, 0);
    const side = canvas.clientWidth, p = new CanvasPainter(canvas, side, side), unit = side / columns.length;
    p.pixels(sheet, 0, 0, columns.length, rows.length, 0, 0, side, side);
    p.rect(this.column * unit + 0.5, this.row * unit + 0.5, unit - 1, unit - 1, { stroke: "#000", line: 3 });
    p.rect(this.column * unit + 0.5, this.row * unit + 0.5, unit - 1, unit - 1, {
      stroke: "#fff",
      line: 1.5,
    });
    canvas.nextSibling.textContent = `probability of ${classes[predicted]} at every shift`;
    canvas.setAttribute("role", "img");
    canvas.setAttribute(
      "aria-label",
      `Probability that the ${label} assigns to ${
        classes[predicted]
      } at every shift, from dark (0 %) to bright (100 %)`,
    );
  }
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".replay");
  root.replay ??= new Replay(root);
  root.replay.host = { ask: (mask) => setTriggerValue("mask", mask) };
  root.replay.update(data);
}
