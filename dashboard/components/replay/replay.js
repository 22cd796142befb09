// One image in F frames (rows x columns), and the predictions of M models for each; see __init__.py.
// data: header, pictures uint8 [P, F, S, S, 3], float32 probabilities [M, F, C]

import { keepAddress } from "../shared/address.js";
import { whileMounted } from "../shared/lifetime.js";
import { readHeader } from "../shared/message.js";
import { offerFiles } from "../shared/save.js";
import { onTheme } from "../shared/theme.js";
import { saveReplay } from "./files.js";
import { listenToControls, listenToMap, listenToPicture } from "./input.js";
import { createPrediction, drawPrediction } from "./predictions.js";
import { cellsText, clampFrame, frameText, parseCells, parseFrame, spiral, startFrame } from "./state.js";
import { createFigure, drawView } from "./views.js";
import { frameName } from "./words.js";

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
    this.playButton = root.querySelector('[data-do="play"]');
    this.range = root.querySelector("input");
    listenToControls(this);
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
    whileMounted(this.root, (signal) => keepAddress(this.root, () => this.parameters(), signal));
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

  // The query parameters of this view, or null if the server gave the state, as in a talk or a standalone
  // file.
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

  // Whether the picture is the unchanged image with the painted cells.
  get showsMask() {
    return this.painted || this.stroke !== null;
  }

  // The pixels of a picture of the current frame, RGB.
  picture(view) {
    const { start, size } = this.header, frame = this.showsMask ? start : this.frame;
    const length = 3 * size ** 2, begin = (view * this.frames + frame) * length;
    return this.pixels.subarray(begin, begin + length);
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
      for (let i = 0; i < h.views; i++) views.append(this.newFigure());
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
    predictions.replaceChildren(...h.models.map((_, i) => this.newPrediction(i)));
  }

  createButton(name, act) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = name;
    button.addEventListener("click", act);
    return button;
  }

  newFigure() {
    const figure = createFigure();
    listenToPicture(this, figure.querySelector("canvas"));
    return figure;
  }

  newPrediction(model) {
    const section = createPrediction(model, this.header.mode === "drag");
    const map = section.querySelector("canvas");
    if (map) listenToMap(this, map);
    return section;
  }

  // Start to cover cells, or to uncover them if this cell is covered.
  startStroke(cell) {
    if (!this.painted) this.mask.fill(0);
    this.stroke = 1 - this.mask[cell];
    this.paint(cell);
  }

  paint(cell) {
    this.mask[cell] = this.stroke;
    this.draw();
  }

  endStroke() {
    if (this.stroke === null) return;
    this.stroke = null;
    if (this.mask.some(Boolean)) this.host.ask(this.mask.join(""));
    else this.go(...startFrame(this.header));
  }

  draw() {
    const { header: h, root } = this;
    if (!h || !root.isConnected) return;
    this.range.value = this.row;
    const name = frameName(this);
    root.querySelector("output").textContent = name;
    root.dataset.frame = this.frame;
    root.querySelectorAll(".replay-columns button").forEach((b, i) =>
      h.mode === "pick" && b.setAttribute("aria-pressed", i === this.column)
    );
    root.querySelectorAll("figure").forEach((figure, view) => drawView(this, figure, view, name));
    root.querySelectorAll(".replay-model").forEach((section, i) => drawPrediction(this, section, i));
  }
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".replay");
  root.replay ??= new Replay(root);
  root.replay.host = { ask: (mask) => setTriggerValue("mask", mask) };
  root.replay.update(data);
}
