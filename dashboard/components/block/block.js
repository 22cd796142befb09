// Ten steps through one block of a ViT and its head. Choosing a head or a token needs no server, unless the
// model has many tokens. Data: see data.js.

import { InsideStepper } from "../inside/stepper.js";
import { parseCount } from "../shared/address.js";
import { announcePlace } from "../shared/places.js";
import { defaultToken, parseToken, tokenText } from "../shared/tokens.js";
import { largest, largestChannel } from "../shared/vectors.js";
import { mount } from "../shared/view.js";
import { attentionRow, rowOf, unpackBlock } from "./data.js";
import { blockRows } from "./files.js";
import { addFlow, drawFlow } from "./flow.js";
import { listenToBlock, showBlockChoices, showBlockState } from "./input.js";
import { cropCanvas, limitsOf, paintMatrices, WHOLES } from "./matrices.js";
import { arrange } from "./panels.js";
import { countOf, pinAtRest, pinOf, pinParameters, readPin } from "./pins.js";
import { pointAt } from "./pointing.js";
import { readingOf } from "./readings.js";
import { BlockRequests } from "./requests.js";
import { paintBlock } from "./scene.js";
import { CLASSIFIER, isAttention, MLP, softens } from "./steps.js";
import { symbolsOf } from "./symbols.js";
import { keyedSum, pointedSum, showsTerms, sumOf } from "./terms.js";
import { readRows, WeightRows } from "./weights.js";
import { factsOf, formulaOf, sentenceOf, shapesOf, STEP_TITLES, titleOf } from "./words.js";

// the array whose largest number is pointed at first
const MAIN = ["input", null, null, null, null, "projected", "sum1", "active", "sum2", null];

class BlockStepper extends InsideStepper {
  query = 0; // the chosen token
  head = 0;
  temperature = 1;
  arrival = null; // step to show in the block that the server was asked for
  pointedKey = null; // token last pointed at, in steps about attention
  pointedJ = null; // channel, unit or head last pointed at
  wholes = WHOLES;
  requests = new BlockRequests(this);
  weightRows = new WeightRows(); // those that were sent
  pin = null; // what is shown while nothing is under the pointer: see pins.js
  summed = null; // the number last pointed at that is a sum of products: see pointedSum
  sum = null; // that is written out: see sumOf

  unpack = unpackBlock;
  arrange = () => arrange(this);
  pointAt = (x, y) => pointAt(this, this.layout, x, y);
  paint = (p, theme) => paintBlock(this, p, theme);
  rows = () => blockRows(this);
  showChoices = () => showBlockChoices(this);
  showState = () => showBlockState(this);

  constructor(root) {
    super(root);
    addFlow(root);
    listenToBlock(this);
  }

  // Show new data from the server. Rows of weights alone belong to the block that is shown.
  update(bytes) {
    const rows = readRows(bytes);
    if (!rows) return super.update(bytes);
    this.weightRows.add(rows.header, rows.floats);
    if (this.block?.header.key === rows.header.key) return this.refresh();
    if (!this.block) this.host.ask(`look?${rows.header.state}`); // mounted again, without its numbers
  }

  accept(before) {
    const { header, weightFloats } = this.block, old = before?.header;
    this.weightRows.add(header, weightFloats);
    if (old?.key !== header.key) this.pointedKey = null;
    const other = !old || ["heads", "tokens", "layers"].some((name) => old[name] !== header[name]);
    if (other || old.query !== header.query) this.query = header.query;
    if (other || this.returning) this.restore();
    else if (old.layer !== header.layer) this.step = this.arrival ?? this.step;
    this.arrival = null;
    if (this.step === CLASSIFIER && header.layer < header.layers - 1) {
      this.step = CLASSIFIER - 1;
      this.forgetPointer();
    }
    if (header.only !== null) this.query = header.only;
    if (old?.key === header.key && !header.units.length) this.keepUnits(before);
    this.limits = limitsOf(this.block);
    Object.assign(this, paintMatrices(this.block, this.limits, this.diverging));
    this.cropped = cropCanvas(this.block);
  }

  // Keep the patches of units that an earlier message had for the same block.
  keepUnits({ header: { units, crop, searched }, crops }) {
    Object.assign(this.block.header, { units, crop, searched });
    this.block.crops = crops;
  }

  // Read the step, the token, the head, the temperature and the pinned number from the address.
  restore() {
    const { linked, block: { header } } = this;
    const step = parseCount(linked.get("step")), head = parseCount(linked.get("head"));
    const temperature = Number(linked.get("temperature") ?? 1);
    this.step = step && step <= this.lastStep + 1 ? step - 1 : 0;
    this.head = head && head <= header.heads ? head - 1 : 0;
    this.temperature = temperature >= 0.1 && temperature <= 10 ? temperature : 1;
    this.query = parseToken(linked.get("query"), header) ?? header.query;
    this.pin = readPin(this.block, this.step, linked);
    if (this.pin) this.showPin();
  }

  state(layer = this.blockIndex) {
    const { header } = this.block, step = layer === this.blockIndex ? this.step : this.arrival ?? this.step;
    return {
      query: this.query === defaultToken(header) ? null : tokenText(this.query, header),
      layer: layer === this.lastBlock ? null : String(layer + 1),
      head: this.head ? String(this.head + 1) : null,
      step: step ? String(step + 1) : null,
      temperature: this.temperature === 1 ? null : String(this.temperature),
      ...pinParameters(this.block, layer === this.blockIndex ? pinAtRest(this) : null),
    };
  }

  get blockIndex() {
    return this.block.header.layer;
  }

  get linkedBlock() {
    return Math.min(parseCount(this.linked.get("layer")) ?? Infinity, this.lastBlock + 1) - 1;
  }

  get lastBlock() {
    return this.block.header.layers - 1;
  }

  get titles() {
    return STEP_TITLES.map((_, step) => titleOf(this.block, step));
  }

  // Only the last block has the classifier.
  get lastStep() {
    return this.blockIndex === this.lastBlock ? CLASSIFIER : CLASSIFIER - 1;
  }

  get onward() {
    const last = this.blockIndex === this.lastBlock;
    return last ? null : { label: `Block ${this.blockIndex + 2}`, loads: true };
  }

  leave() {
    this.load(this.blockIndex + 1, 0);
  }

  // Show a step that the visitor chose. The classifier belongs to the last block.
  visit(step) {
    if (step <= this.lastStep) return super.visit(step);
    this.play(false);
    this.load(this.lastBlock, step);
  }

  // Ask the server for another block, and show a step of it.
  load(layer, step = this.step) {
    if (!this.canLoad(layer)) return;
    this.arrival = step === CLASSIFIER && layer < this.lastBlock ? CLASSIFIER - 1 : step;
    this.request(layer);
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
    return largestChannel(this.step === CLASSIFIER ? block.normalized : this.attention.mixed);
  }

  // The class that is written out, or the feature of a model without a classifier.
  get klass() {
    const { header: { outputs }, features } = this.block;
    return outputs ? super.klass : this.pointedClass ?? largestChannel(features);
  }

  // The class that is listed after or before it, or the next feature.
  nextClass(by) {
    const { listed, features } = this.block.header;
    if (!listed.length) return (this.klass + by + features) % features;
    return listed[(listed.indexOf(this.klass) + by + listed.length) % listed.length];
  }

  // Change the step, the token, the head or the temperature.
  set(changes) {
    if (changes.query !== undefined || changes.head !== undefined) {
      this.pointedKey = null;
      if (this.pin?.token !== undefined) this.pin = null;
    }
    if (changes.step !== undefined) this.arrival = null; // chosen while another block is on its way
    super.set(changes);
    if (changes.query === undefined) return;
    announcePlace(changes.query, this.block.header);
    if (this.block.header.only !== null) this.ask("look");
  }

  forgetPointer() {
    super.forgetPointer();
    this.pointedJ = this.summed = this.pin = null;
  }

  // Point at something in the drawing: see pointAt. With nothing under the pointer, show the pinned number.
  point(found) {
    if (showsTerms(found?.panel)) return;
    if (found || !this.pin) this.show(found);
    else this.showPin();
    this.refresh();
  }

  // Pin a number of the drawing, or release it: links repeat it.
  pinAt(found) {
    if (showsTerms(found.panel)) return;
    this.show(found);
    const pin = pinOf(this, found), same = JSON.stringify(pin) === JSON.stringify(this.pin);
    this.pin = same ? null : pin;
    this.saveAddress();
    this.refresh();
  }

  showPin() {
    this.pointedKey =
      this.pointedJ =
      this.pointedClass =
      this.summed =
        null;
    this.show(this.pin);
  }

  // Write out what is pointed at or pinned.
  show(found) {
    this.summed = pointedSum(this.step, found) ?? this.summed;
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
  }

  // Move what is written out by the keyboard. A pinned channel or unit stays in its array.
  movePointer(by) {
    const { block: { header }, pin, step } = this, around = (v, count) => (v + by + count) % count;
    if (pin?.j !== undefined && !isAttention(step)) {
      this.pin = { ...pin, j: around(pin.j, countOf(this.block, step, pin.panel)) };
      this.showPin();
      return this.refresh();
    }
    this.pin = null;
    if (isAttention(this.step)) this.pointedKey = around(this.key, header.tokens);
    else if (this.step === CLASSIFIER) {
      this.pointedClass = this.nextClass(by);
      this.summed = null;
    } else {
      this.pointedJ = around(this.sum?.j ?? this.j, this.step === MLP ? header.hidden : header.dim);
      this.summed = keyedSum(this.step, this.pointedJ);
    }
    this.refresh();
  }

  compute() {
    this.attention = attentionRow(this.block, this.query, this.head, this.attentionTemperature);
    this.sum = sumOf(this);
  }

  // Only the softmax and the weighted sum follow the slider. The rest is the model's own.
  get attentionTemperature() {
    return softens(this.step) ? this.temperature : 1;
  }

  texts() {
    const { block, step } = this;
    return {
      place: `Block ${this.blockIndex + 1}`,
      title: titleOf(block, step),
      sentence: sentenceOf(this),
      formula: formulaOf(this),
      symbols: symbolsOf(this),
      shapes: shapesOf(block, step),
      reading: readingOf(this),
      facts: factsOf(this),
      limit: null, // each panel has its own legend
    };
  }

  refresh() {
    super.refresh();
    this.requests.fill();
  }

  wanted(block) {
    return this.requests.wanted(block);
  }

  ask(kind, block) {
    this.requests.sending(block);
    super.ask(kind, block);
  }

  draw() {
    super.draw();
    drawFlow(this.root, this.step, this.theme);
  }

  attributes() {
    const { blockIndex, head, query, key, block } = this;
    return { layer: blockIndex + 1, head: head + 1, query: tokenText(query, block.header), key };
  }

  get fileName() {
    return `block ${this.blockIndex + 1} ${titleOf(this.block, this.step)}`;
  }
}

export default function (element) {
  mount(element, ".inside", "stepper", BlockStepper);
}
