// The steps inside a model: what the stepper through a block of a ViT and the one through a convolution
// share. Stepping, hovering and playing need no server; another block does.

import { keepAddress } from "../shared/address.js";
import { colorTable, decodeBase64, gradientOf } from "../shared/colors.js";
import { whileMounted } from "../shared/lifetime.js";
import { formatted } from "../shared/numbers.js";
import { CanvasPainter, rgbCanvas } from "../shared/paint.js";
import { offerFiles } from "../shared/save.js";
import { onTheme, themeColors, typeScale } from "../shared/theme.js";
import { largest } from "../shared/vectors.js";
import { View } from "../shared/view.js";
import { saveStepper } from "./files.js";

const STEP_MS = 4000; // while playing
const MARGIN = 4; // pixels around the drawing, for rings at the border
const FOOTING = 4;
const LEAST_WIDTH = 560; // pixels of a drawing, which is not enlarged with the type beyond that

/** The base of both steppers. At its end are the members that each of them has. */
export class InsideStepper extends View {
  block = null; // the numbers, see data.js
  step = 0;
  playing = false;
  panel = null; // the id of the panel under the pointer
  pin = null; // what is shown while nothing is under the pointer, in a stepper that can pin it
  hovered = null; // the token or the position under the pointer
  pointedClass = null; // class last pointed at
  asked = null; // block that is on its way from the server
  returning = false; // whether Back or Forward led to that block: the address has the rest of the state
  layout = null; // of the panels
  w = 0; // size of the drawing in pixels, before scaling with the type
  h = 0;
  zoom = 1;
  press = (_event) => {}; // of a key, see input.js

  constructor(root) {
    super(root);
    this.canvas = this.find(".inside-stage");
    new ResizeObserver(() => this.schedule()).observe(this.canvas);
    onTheme(root, () => this.schedule());
  }

  get ready() {
    return Boolean(this.block);
  }

  // Show new data from the server.
  update(bytes) {
    const before = this.block;
    this.block = this.unpack(bytes);
    const { header } = this.block;
    this.root.classList.remove("waiting");
    if (!before) {
      const formats = header.standalone ? ["png", "svg", "csv"] : ["png", "svg", "csv", "html"];
      offerFiles(this.find(".files"), (format) => saveStepper(this, format), formats);
    }
    this.colors = colorTable(decodeBase64(header.colors));
    this.diverging = colorTable(decodeBase64(header.diverging));
    this.picture = rgbCanvas(this.block.image, header.size, header.size);
    // the server also sends the same data again, for example while the run trains
    if (before?.header.key !== header.key) this.forgetPointer();
    this.accept(before);
    Object.assign(this, { asked: null, returning: false });
    whileMounted(this.root, (signal) => this.attach(signal));
    this.showMode();
    this.showChoices();
    this.refresh();
    if (this.playing) this.scheduleStep();
  }

  // Name what differs from the plain view: painted pixels, positions only, or a snapshot.
  showMode() {
    const line = this.find(".inside-mode"), { mode = "" } = this.block.header;
    line.textContent = mode;
    line.hidden = !mode;
    this.root.classList.toggle("changed", Boolean(mode));
    this.find(".inside-link").hidden = this.block.header.address !== undefined; // no page to link to
  }

  // Add the listeners on the window. They are removed when the component leaves the page.
  attach(signal) {
    keepAddress(this.root, () => this.parameters(), signal);
    window.addEventListener("keydown", (event) => this.press(event), { capture: true, signal });
    window.addEventListener("popstate", () => this.revisit(), { signal });
  }

  // The query parameters in the address, or those that the server gave.
  get linked() {
    return new URLSearchParams(this.block.header.address ?? window.location.search);
  }

  // While another block is on its way, the address is already that of the other block, or the state that
  // Back leads to.
  parameters() {
    return this.block.header.address === undefined && this.asked === null ? this.state() : null;
  }

  // Show the state in the address, which Back or Forward changed. Streamlit then runs the page again, which
  // sends another block if the address names one.
  revisit() {
    if (this.block.header.address !== undefined) return;
    this.play(false);
    this.returning = this.linkedBlock !== this.blockIndex;
    if (this.returning) return this.expectBlock(this.linkedBlock);
    this.forgetPointer();
    this.restore();
    this.refresh();
  }

  // Send a request with the state to the server.
  ask(kind, block = this.blockIndex) {
    const state = Object.entries({ ...this.state(block), ...this.wanted(block) });
    this.host.ask(`${kind}?${new URLSearchParams(state.filter(([, text]) => text !== null))}`);
  }

  // What a request asks for in addition to the state, as parameters.
  wanted(_block) {
    return {};
  }

  // The class that is written out: the last one pointed at, or the most probable one.
  get klass() {
    return this.pointedClass ?? largest(this.block.logits, 1)[0];
  }

  // Change the state.
  set(changes) {
    const { step } = this;
    Object.assign(this, changes);
    if (step !== this.step) this.forgetPointer();
    this.saveAddress();
    this.refresh();
  }

  forgetPointer() {
    Object.assign(this, { panel: null, hovered: null, pointedClass: null });
  }

  // Show a step that the visitor chose.
  visit(step) {
    this.play(false);
    this.go(step);
  }

  // Show the next step, or what comes after the last one.
  advance() {
    this.play(false);
    if (this.step < this.lastStep) this.go(this.step + 1);
    else this.leave();
  }

  go(step) {
    if (step >= 0 && step <= this.lastStep && step !== this.step) this.set({ step });
  }

  // Whether the server can show another block of the model.
  canLoad(block) {
    return block !== this.blockIndex && block >= 0 && block <= this.lastBlock &&
      !this.block.header.standalone;
  }

  // Ask the server for another block.
  request(block) {
    this.expectBlock(block);
    this.ask("look", block);
  }

  // Show that another block is on its way.
  expectBlock(block) {
    this.asked = block;
    this.root.classList.add("waiting");
    this.showChoices();
  }

  play(on) {
    clearTimeout(this.timer);
    if (!on && !this.playing) return;
    this.playing = on;
    if (on && this.step === this.lastStep) {
      if (this.continues) this.leave();
      else this.go(0);
    }
    this.refresh();
    if (on && this.asked === null) this.scheduleStep();
  }

  // Whether something follows the last step. Another block needs the server.
  get continues() {
    const { onward } = this;
    return Boolean(onward) && !(onward.loads && this.block.header.standalone);
  }

  scheduleStep() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => {
      if (!this.playing || !this.root.isConnected) return;
      if (this.step < this.lastStep) this.go(this.step + 1);
      else if (this.continues) this.leave();
      else return this.play(false);
      if (this.asked === null) this.scheduleStep(); // otherwise when the next block arrives
    }, STEP_MS);
  }

  // What is at a point of the canvas, see panels.js.
  hitTest(x, y) {
    return this.layout ? this.pointAt(x / this.zoom - MARGIN, y / this.zoom - MARGIN) : null;
  }

  // Compute what depends on the state, and show it.
  refresh() {
    this.compute();
    this.showState();
    this.schedule();
  }

  draw() {
    this.theme = themeColors(this.root);
    const [width, height] = [Math.max(200, this.canvas.clientWidth), this.canvas.clientHeight];
    const p = new CanvasPainter(this.canvas, width, height);
    const zoom = this.zoom = Math.min(typeScale(), Math.max(1, width / LEAST_WIDTH));
    p.ctx.scale(zoom, zoom);
    p.ctx.translate(MARGIN, MARGIN);
    [this.w, this.h] = [width / zoom - 2 * MARGIN, height / zoom - 2 * MARGIN - FOOTING];
    this.layout = this.arrange();
    this.paint(p, this.theme);
    this.showTexts();
    const state = { step: this.step + 1, ...this.attributes(), playing: this.playing };
    Object.assign(this.root.dataset, state);
  }

  // Show the texts of the step, and the color scale of its main array, if it has one.
  showTexts() {
    const { place, title, sentence, formula, symbols, shapes, reading, facts, limit, colored } = this.texts();
    this.find(".inside-text").textContent = sentence;
    this.find(".inside-reading").textContent = reading;
    this.find(".inside-formula span").innerHTML = formula; // of fixed texts and numbers
    this.find(".inside-formula small").textContent = shapes;
    this.find(".inside-formula").title = symbols;
    this.find(".inside-facts").textContent = facts;
    this.canvas.setAttribute("aria-label", `${place}, ${title}: ${sentence} ${reading}`);
    const scale = this.find(".inside-scale"), [low, high] = scale.querySelectorAll("span");
    scale.hidden = limit === null;
    scale.querySelector("canvas").style.background = gradientOf(this.diverging);
    low.textContent = limit === null ? "" : `${colored}: \u2264 ${formatted(-limit)}`;
    high.textContent = limit === null ? "" : `\u2265 ${formatted(limit)}`;
  }

  // Return the numbers of a message, with its header.
  /** @returns {any} */
  unpack(_bytes) {
    throw abstract();
  }

  // Take over the state when numbers arrive. `before`: the numbers until now, or null.
  accept(_before) {}

  // Take over the state in the address, except for the block.
  restore() {
    throw abstract();
  }

  /** @returns {number} the index of the block in the address */
  get linkedBlock() {
    throw abstract();
  }

  // Return the state, with another block if it is given, as query parameters.
  /** @returns {Record<string, string | null>} */
  state(_block) {
    throw abstract();
  }

  /** @returns {string[]} of the steps */
  get titles() {
    throw abstract();
  }

  /** @returns {number} the index of the last step */
  get lastStep() {
    throw abstract();
  }

  /** @returns {number} the index of the block that is shown */
  get blockIndex() {
    throw abstract();
  }

  /** @returns {number} the index of the last block of the model */
  get lastBlock() {
    throw abstract();
  }

  // What comes after the last step, if anything does. `loads`: the server must send it.
  /** @returns {{ label: string, loads: boolean } | null} */
  get onward() {
    return null;
  }

  // Show what comes after the last step.
  leave() {}

  // Show the controls after new numbers, and after a change of the state.
  showChoices() {}
  showState() {}

  // Compute what depends on the state.
  compute() {}

  // Return what is written around the drawing: see showTexts.
  /** @returns {any} */
  texts() {
    throw abstract();
  }

  // Return the layout of the drawing. `w` and `h` are its size.
  /** @returns {any} */
  arrange() {
    throw abstract();
  }

  paint(_painter, _theme) {}

  // Return what is at a point of the drawing, or null.
  /** @returns {any} */
  pointAt(_x, _y) {
    return null;
  }

  // Return the state as attributes of the root.
  /** @returns {Record<string, any>} */
  attributes() {
    return {};
  }

  /** @returns {string} the name of a file without its ending */
  get fileName() {
    throw abstract();
  }

  // Return the rows of the CSV file.
  /** @returns {any[]} */
  rows() {
    throw abstract();
  }
}

const abstract = () => new Error("a stepper must have this member");
