// The steps through one convolution of a ResNet and its head. Choosing a channel or a position needs no
// server, unless the block is large. Data: see data.js.

import { InsideStepper } from "../inside/stepper.js";
import { parseCount } from "../shared/address.js";
import { largest } from "../shared/vectors.js";
import { mount } from "../shared/view.js";
import { nearestStep, parsePosition, sameNetwork, stepsOf, unpackConvolutions, windowAt } from "./data.js";
import { convolutionRows } from "./files.js";
import { followPlaces, listenToConvolution, showConvolutionChoices, showConvolutionState } from "./input.js";
import { placePanels, whatIsAt } from "./panels.js";
import { paintConvolution, scaleOf } from "./scene.js";
import { convSymbols } from "./symbols.js";
import {
  blockName,
  capital,
  convFacts,
  convFormula,
  convReading,
  convSentence,
  convShapes,
  shownOf,
  TITLES,
} from "./words.js";

// the arrays in the colors of the legend: see `legend`
const COLORED = {
  window: "input",
  kernel: "weights",
  products: "products",
  sum: "output",
  norm: "after batch norm",
  relu: "before and after ReLU",
  residual: "sum",
  head: "output",
};

class ConvolutionStepper extends InsideStepper {
  index = 0; // of the convolution in the block
  channel = 0; // of the output
  pinned = { row: 0, column: 0 }; // the chosen position
  start = null; // center of the patch that is chosen in the stepper of a ViT, as fractions of the image
  pointedI = null; // input channel last pointed at
  pointedT = null; // position in the window last pointed at
  pointedPooled = null;
  sources = null; // maps before and after batch norm or ReLU, see shownOf
  arrival = null; // convolution and kind of step to show in the block that the server was asked for

  unpack = unpackConvolutions;
  arrange = () => placePanels(this);
  pointAt = (x, y) => whatIsAt(this, this.layout, x, y);
  paint = (p, theme) => paintConvolution(this, p, theme);
  rows = () => convolutionRows(this);
  showChoices = () => showConvolutionChoices(this);
  showState = () => showConvolutionState(this);

  constructor(root) {
    super(root);
    listenToConvolution(this);
  }

  accept(before) {
    const { header } = this.block, old = before?.header;
    if (!old || !sameNetwork(old, header) || this.returning) this.restore();
    else if (old.block !== header.block) this.arrive(before.convolutions[this.index].side);
    this.arrival = null;
    this.channel = Math.min(header.only ?? this.channel, this.one.outputs - 1);
  }

  attach(signal) {
    super.attach(signal);
    followPlaces(this, signal);
  }

  // Read the convolution, the step, the channel and the position from the address.
  restore() {
    const { linked, block: { header } } = this;
    const count = (name, most) => {
      const n = parseCount(linked.get(name));
      return n && n <= most ? n - 1 : 0;
    };
    this.index = count("convolution", header.convolutions.length);
    this.channel = count("channel", this.one.outputs);
    this.step = count(header.stepName, this.steps.length);
    this.start = header.start ? { row: header.start[0], column: header.start[1] } : null;
    this.pinned = parsePosition(linked.get("position"), this.one.side) ?? this.home;
  }

  // Keep the step and the place in the image when another block arrives.
  arrive(side) {
    const { convolutions } = this.block.header, { index, kind } = this.arrival ?? { index: 0, kind: "" };
    this.index = Math.min(index, convolutions.length - 1);
    this.step = kind ? nearestStep(this.block, this.index, kind) : 0;
    this.movePlace(side);
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

  get titles() {
    return this.steps.map((kind) => TITLES[kind]);
  }

  get lastStep() {
    return this.steps.length - 1;
  }

  get blockIndex() {
    return this.block.header.block;
  }

  get linkedBlock() {
    const block = parseCount(this.linked.get("block")) ?? 0;
    return block <= this.lastBlock ? block : 0;
  }

  get lastBlock() {
    return this.block.header.blocks;
  }

  // After the last step comes the next convolution, and after the last of these the next block.
  get onward() {
    if (this.index < this.block.header.convolutions.length - 1) {
      return { label: `Convolution ${this.index + 2}`, loads: false };
    }
    const ends = this.blockIndex === this.lastBlock;
    return ends ? null : { label: `Block ${this.blockIndex + 1}`, loads: true };
  }

  leave() {
    if (this.index < this.block.header.convolutions.length - 1) this.set({ index: this.index + 1, step: 0 });
    else this.load(this.blockIndex + 1, 0, "");
  }

  // The position without one in the address: that of the chosen patch, or the middle.
  get home() {
    const { start, one: { side } } = this, { row, column } = start ?? { row: 0.5, column: 0.5 };
    return { row: Math.floor(row * side), column: Math.floor(column * side) };
  }

  get place() {
    return this.hovered ?? this.pinned;
  }

  // The input channel that is written out: the last one pointed at, or the one with the largest sum.
  get i() {
    return this.pointedI ?? this.order[0];
  }

  get t() {
    const { pointedT, one: { area } } = this;
    return pointedT === null || pointedT >= area ? Math.floor(area / 2) : pointedT;
  }

  get pooledChannel() {
    return this.pointedPooled ?? this.channel;
  }

  state(block = this.blockIndex) {
    const { row, column } = this.pinned, { home } = this, other = (n) => n ? String(n + 1) : null;
    return {
      block: block ? String(block) : null,
      convolution: other(this.index),
      channel: other(this.channel),
      position: row === home.row && column === home.column ? null : `${row + 1}.${column + 1}`,
      [this.block.header.stepName]: other(this.step),
    };
  }

  // Change the convolution, the step, the channel or the position.
  set(changes) {
    const { one: { side }, index } = this;
    this.index = changes.index ?? index;
    if (index !== this.index) {
      this.movePlace(side);
      this.forgetPointer();
      this.channel = Math.min(this.channel, this.one.outputs - 1);
    }
    super.set(changes);
    const { only } = this.block.header;
    const sent = only === null || this.channel === Math.min(only, this.one.outputs - 1);
    if (!sent || (only !== null && changes.channel !== undefined)) this.ask("look");
  }

  forgetPointer() {
    super.forgetPointer();
    Object.assign(this, { pointedI: null, pointedT: null, pointedPooled: null });
  }

  // Show another convolution of this block, at the same step or the last one before it.
  choose(index) {
    if (index !== this.index) this.set({ index, step: nearestStep(this.block, index, this.kind) });
  }

  // Ask the server for another block, and show its step of this kind, or the last one before it.
  load(block, index = this.index, kind = this.kind) {
    if (!this.canLoad(block)) return;
    this.arrival = { index, kind };
    this.request(block);
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

  compute() {
    const { row, column } = this.place;
    this.at = windowAt(this.block, this.index, this.channel, row, column);
    this.order = largest(this.at.sums.map(Math.abs), this.at.sums.length);
    Object.assign(this, shownOf(this));
  }

  texts() {
    return {
      place: capital(blockName(this.blockIndex)),
      title: TITLES[this.kind],
      sentence: convSentence(this),
      formula: convFormula(this),
      symbols: convSymbols(this),
      shapes: convShapes(this),
      reading: convReading(this),
      facts: convFacts(this),
      limit: scaleOf(this.legend),
      colored: COLORED[this.kind],
    };
  }

  // The array that the color scale of the legend belongs to.
  get legend() {
    const { block, one, at, sources, kind } = this;
    const arrays = { window: one.reads, kernel: one.weight, products: at.products, sum: one.output };
    const maps = { norm: sources?.[1], relu: sources?.[0], residual: block.sum, head: block.output };
    return { ...arrays, ...maps }[kind];
  }

  attributes() {
    return {
      kind: this.kind,
      block: this.blockIndex,
      convolution: this.index + 1,
      channel: this.channel + 1,
      position: `${this.pinned.row + 1}.${this.pinned.column + 1}`,
    };
  }

  get fileName() {
    const { blockIndex, index } = this;
    const place = blockIndex ? `block ${blockIndex} convolution ${index + 1}` : "first convolution";
    return `${place} ${TITLES[this.kind]}`;
  }
}

export default function (element) {
  mount(element, ".convolution", "stepper", ConvolutionStepper);
}
