// Texts of the stepper through a convolution: titles, sentences, formulas, shapes, and numbers written out.

import { classReading } from "../inside/classes.js";
import { formatted, inPercent, productText, signedText } from "../shared/numbers.js";
import { cosine, norm } from "../shared/vectors.js";
import { isBefore, mapsOf } from "./data.js";

export const TITLES = {
  window: "Window",
  kernel: "Kernel",
  products: "Products",
  sum: "Sum",
  norm: "Batch norm",
  residual: "Residual",
  relu: "ReLU",
  head: "Classifier",
};
const COLORS = ["red", "green", "blue"];

// by size of the kernel
const OFFSETS = { 1: "0", 3: "\u22121,\u00a00,\u00a01", 7: "\u22123,\u00a0\u2026,\u00a03" };
const COUNTS = ["", "one convolution", "two convolutions", "three convolutions"];

const grouped = (n) => n.toLocaleString("en-US");
const plus = (a, b) =>
  b < 0 ? `${formatted(a)} \u2212 ${formatted(-b)}` : `${formatted(a)} + ${formatted(b)}`;
const minus = (a, b) => plus(a, -b);

// Return the name of an input channel: those of the image have colors.
export const inputName = ({ header }, index, i) =>
  header.block === 0 && index === 0 ? COLORS[i] : `input channel ${i + 1}`;

export const capital = (text) => text[0].toUpperCase() + text.slice(1);
export const placeName = ({ row, column }) => `row ${row + 1}, column ${column + 1}`;

// Return the name of a block in titles.
export const blockName = (block) => block ? `block ${block}` : "the first convolution";

/**
 * Return the formula of a step as HTML.
 * @param {any} view
 */
export function convFormula({ one, kind, block }) {
  const s = one.stride === 1 ? "" : `${one.stride}`;
  const read = `<i>x<sub>i</sub></i>(${s}<i>r</i> + <i>u</i>, ${s}<i>c</i> + <i>v</i>)`;
  const weight = "<i>w<sub>k,i</sub></i>(<i>u</i>, <i>v</i>)",
    offsets = `<i>u</i>, <i>v</i> \u2208 {${OFFSETS[one.size] ?? "\u2026"}}`;
  // a talk has one line for the formula and the facts
  const symbols = block.header.talk ? "" : ": channel <i>i</i>, position (<i>r</i>, <i>c</i>)";
  return {
    window: `${read}${symbols}, ${offsets}`,
    kernel: `${weight}, the same at every position (<i>r</i>, <i>c</i>)`,
    products: `<i>p<sub>i</sub></i>(<i>u</i>, <i>v</i>) = ${read} \u00b7 ${weight}`,
    sum: "<i>y<sub>k</sub></i>(<i>r</i>, <i>c</i>) = \u03a3<sub><i>i</i></sub> \u03a3<sub><i>u,v</i></sub> " +
      `${read} \u00b7 ${weight}`,
    norm: "<i>n</i> = (<i>y</i> \u2212 \u03bc) / \u221a(\u03c3\u00b2 + \u03b5) \u00b7 \u03b3 + \u03b2",
    residual: block.header.pre ? "<i>x\u2032</i> = <i>y</i> + <i>s</i>" : "<i>z</i> = <i>n</i> + <i>s</i>",
    relu: "ReLU(<i>z</i>) = max(0, <i>z</i>)",
    head: "logits = <i>W</i> mean<sub><i>r,c</i></sub> <i>x</i>(<i>r</i>, <i>c</i>) + <i>b</i>",
  }[kind];
}

/**
 * Return the shapes of the arrays of a step.
 * @param {any} view
 */
export function convShapes({ one, kind, block }) {
  const read = `[${one.inputs}, ${one.inputSide}, ${one.inputSide}]`,
    made = `[${one.outputs}, ${one.side}, ${one.side}]`,
    kernel = `[${one.inputs}, ${one.size}, ${one.size}]`;
  return {
    window: `${kernel} of ${read}`,
    kernel: `${kernel} of [${one.outputs}, ${kernel.slice(1)}`,
    products: kernel,
    sum: made,
    norm: isBefore(block, "norm") ? read : made,
    residual: made,
    relu: isBefore(block, "relu") ? read : made,
    head: `[${one.outputs}] \u2192 [${block.header.outputs}]`,
  }[kind];
}

/**
 * Return the sentence of a step.
 * @param {any} view
 */
export function convSentence(view) {
  const { one, kind, block, index, channel } = view,
    { header: h } = block,
    first = h.block === 0 && index === 0;
  const source = first ? "3 colors" : `${one.inputs} channels`;
  const reader = index + 1 < h.convolutions.length
    ? `Convolution ${index + 2} reads it.`
    : h.outputs
    ? "The classifier reads it."
    : h.block === h.blocks
    ? "The mean of each channel is an output of the model."
    : h.pooled
    ? `Block ${h.block + 1} reads the largest of each 3 \u00d7 3 numbers, with stride 2 (max pooling).`
    : `Block ${h.block + 1} reads it.`;
  return {
    window: one.size === 1
      ? `Each number of the output depends on one position of the input, in all ${source}.`
      : `Local: each number of the output depends on ${one.size} \u00d7 ${one.size} neighboring positions ` +
        `of the input, in all ${source}.`,
    kernel: `Shared: channel ${channel + 1} has one kernel of ${
      grouped(one.inputs * one.area)
    } weights, and uses it at every position.`,
    products: "Each number of the window is multiplied by the weight at the same place of the kernel.",
    sum: `All ${grouped(one.inputs * one.area)} products add up to one number of the output` +
      (first ? "." : ", shown here by input channel, the largest first."),
    norm: isBefore(block, kind)
      ? "Before the convolution, each channel is shifted and scaled by four numbers, the same everywhere."
      : "Each channel is shifted and scaled by four numbers, the same at every position and for every image.",
    residual:
      (h.projected
        ? "The shortcut, here a 1 \u00d7 1 convolution of the input of the block, is added to the result " +
          `of the ${COUNTS[h.convolutions.length]}.`
        : `The input of the block is added to the result of its ${COUNTS[h.convolutions.length]}, position ` +
          "by position.") +
      (h.pre ? ` ${reader}` : ""),
    relu: isBefore(block, kind)
      ? "Negative numbers become 0. The convolution reads the result."
      : `Negative numbers become 0. ${reader}`,
    head:
      "The classifier averages each channel over all positions, which discards where things are. The dot " +
      "product of the means with a vector for each class is its logit.",
  }[kind];
}

// Return the part of the image on which a position depends: [top, left, bottom, right], clipped to the image.
export function fieldOf({ one, block }, { row, column }) {
  const [step, low, high] = one.field, most = block.header.size - 1;
  const ends = (r) => [Math.max(0, step * r + low), Math.min(most, step * r + high)];
  const [[top, bottom], [left, right]] = [ends(row), ends(column)];
  return [top, left, bottom, right];
}

/**
 * Return facts about the whole step.
 * @param {any} view
 */
export function convFacts(view) {
  const { one, kind, block, at, place } = view, { header: h } = block;
  if (kind === "window") {
    const [top, left, bottom, right] = fieldOf(view, place), count = one.inputs * one.area;
    const all = one.inputs * one.inputSide ** 2;
    return `${grouped(count)} of the ${grouped(all)} numbers of the input. They depend on ` +
      `${bottom - top + 1} \u00d7 ${
        right - left + 1
      } of ${h.size} \u00d7 ${h.size} pixels, framed in the image.`;
  }
  if (kind === "kernel") {
    const weights = one.inputs * one.outputs * one.area;
    return `${one.outputs} kernels have ${grouped(weights)} weights. Without sharing, the ` +
      `${grouped(one.side ** 2)} positions would need ${grouped(weights * one.side ** 2)}.`;
  }
  if (kind === "sum" || kind === "products") {
    const up = at.sums.reduce((a, b) => a + Math.max(0, b), 0),
      down = at.sums.reduce((a, b) => a + Math.min(0, b), 0);
    return `Input channels with a positive sum: ${formatted(up)} together. With a negative sum: ${
      formatted(down)
    }.`;
  }
  if (kind === "norm") {
    const { mean, variance, scale, shift, eps } = view.norm, c = view.shownChannel;
    return `\u03bc ${formatted(mean[c])} and \u03c3\u00b2 ${
      formatted(variance[c])
    } are averages of the training, ` +
      `\u03b3 ${formatted(scale[c])} and \u03b2 ${formatted(shift[c])} are learned, \u03b5 ${eps}.`;
  }
  if (kind === "relu") {
    const [, after] = view.pair, zeros = after.reduce((n, v) => n + (v === 0 ? 1 : 0), 0);
    return `${inPercent(zeros / after.length)} of the positions of this channel are 0.`;
  }
  if (kind === "residual") {
    const column = (maps) =>
      Array.from({ length: one.outputs }, (_, c) => maps[c * one.side ** 2 + view.flat]);
    const [x, d, y] = [block.shortcut, block.branch, block.sum].map(column);
    return `This position, all channels: norm ${formatted(norm(x))} of the shortcut, ${
      formatted(norm(d))
    } added, ` +
      `${formatted(norm(y))} of the sum; cosine ${formatted(cosine(x, d))}.`;
  }
  return "";
}

/**
 * Return the number under the pointer with its computation, or a standard one before anything is pointed at.
 * @param {any} view
 */
export function convReading(view) {
  const { one, kind, block, index, at, i, t, channel, flat } = view, { header: h } = block;
  const { area, size } = one, cell = i * area + t, name = capital(inputName(block, index, i));
  if (kind === "window") {
    const row = one.stride * view.place.row - one.padding + Math.floor(t / size);
    const column = one.stride * view.place.column - one.padding + t % size;
    if (!at.inside[t]) {
      return `${name}: this position of the window is outside of the input, and counts as 0.`;
    }
    const unit = h.block === 0 && index === 0 ? " (the pixel, normalized)" : "";
    return `${name}, ${placeName({ row, column })}: ${formatted(at.values[cell])}${unit}.`;
  }
  if (kind === "kernel") {
    return `Weight of ${inputName(block, index, i)} at row ${Math.floor(t / size) + 1}, column ${
      t % size + 1
    } of the kernel: ` +
      `${formatted(at.kernel[cell])}. Output at ${placeName(view.place)}: ${formatted(at.total)}.`;
  }
  if (kind === "products") {
    return `${name}, row ${Math.floor(t / size) + 1}, column ${t % size + 1} of the window: ${
      formatted(at.values[cell])
    } \u00d7 ` +
      `${signedText(at.kernel[cell])} = ${formatted(at.products[cell])}.`;
  }
  if (kind === "sum") {
    const part = (values) => values.subarray(i * area, (i + 1) * area);
    return `${name}: ${productText(part(at.values), part(at.kernel))} = ${formatted(at.sums[i])}. ` +
      `Sum of all ${one.inputs} ${h.block === 0 && index === 0 ? "colors" : "channels"}: ${
        formatted(at.total)
      }.`;
  }
  const where = `${capital(placeName(view.shownPlace))}, channel ${view.shownChannel + 1}`;
  if (kind === "norm") {
    const { mean, variance, scale, shift, eps } = view.norm, c = view.shownChannel, [x, y] = view.valuesAt;
    return `${where}: (${minus(x, mean[c])}) / ${formatted(Math.sqrt(variance[c] + eps))} \u00d7 ` +
      `${plus(scale[c], shift[c])} = ${formatted(y)}.`;
  }
  if (kind === "relu") {
    const [x, y] = view.valuesAt;
    return `${where}: max(0, ${formatted(x)}) = ${formatted(y)}.`;
  }
  if (kind === "residual") {
    const n = channel * one.side ** 2 + flat;
    return `${where}: ${plus(block.branch[n], block.shortcut[n])} (shortcut) = ${formatted(block.sum[n])}.`;
  }
  if (view.panel === "pooled") {
    return `Channel ${view.pooledChannel + 1}: the mean of ${one.side ** 2} positions is ` +
      `${formatted(block.pooled[view.pooledChannel])}.`;
  }
  return classReading(block, view.klass, block.pooled);
}

/**
 * Return what depends on the channel and the position of a step: see `refresh` in convolution.js.
 * @param {any} view
 */
export function shownOf({ block, index, kind, channel, i, place, one }) {
  const before = isBefore(block, kind), side = before ? one.inputSide : one.side;
  const shownChannel = before ? i : channel;
  const shownPlace = before ? { row: place.row * one.stride, column: place.column * one.stride } : place;
  const flat = shownPlace.row * side + shownPlace.column;
  const common = { shownChannel, shownPlace, flat, norm: one.norm };
  if (kind !== "norm" && kind !== "relu") return { ...common, sources: null, pair: null, valuesAt: null };
  const area = side ** 2, sources = mapsOf(block, index, kind);
  const pair = sources.map((maps) => maps.subarray(shownChannel * area, (shownChannel + 1) * area));
  return { ...common, sources, pair, valuesAt: pair.map((map) => map[flat]) };
}
