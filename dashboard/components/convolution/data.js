// The numbers of the convolutions of one block, as the server sends them, and what the browser computes from
// them.
//
// A message is one Uint8Array: uint32 length of the header, the header (JSON), float32 arrays, and the image
// [S, S, 3] as bytes. The arrays: the input of the block; for each convolution its kernels [C, Cin, k, k] and
// its output [C, h, w], then the mean, variance, scale and offset of its batch norm; the output of the
// convolution on the shortcut, if the block has one; and after the last block the weights and offsets of the
// classes, the pooled channels and the logits. If the block is large, header.only is a channel, and of the
// kernels only its own are sent, or those of the last channel in a convolution with fewer channels.

import { softmax } from "../shared/vectors.js";
import { readHeader } from "../shared/message.js";

/**
 * Read a message, and compute the arrays that it leaves out.
 * @param {Uint8Array} bytes
 * @returns {any} { header, image, input, convolutions, shortcut, sum, output, ... }
 */
export function unpackConvolutions(bytes) {
  const message = readHeader(bytes), { header } = message;
  let { offset } = message;
  const take = (count) => new Float32Array(bytes.slice(offset, offset += 4 * count).buffer);
  const first = header.convolutions[0], last = header.convolutions.at(-1);
  const block = { header, input: take(first.inputs * first.inputSide ** 2) };
  block.convolutions = header.convolutions.map((one) => {
    const rows = header.only === null ? one.outputs : 1, area = one.size ** 2;
    const found = {
      ...one,
      area, // positions of a kernel
      weight: take(rows * one.inputs * area),
      output: take(one.outputs * one.side ** 2),
    };
    if (one.eps === null) return found;
    const width = header.pre ? one.inputs : one.outputs;
    const [mean, variance, scale, shift] = [take(width), take(width), take(width), take(width)];
    return { ...found, norm: { mean, variance, scale, shift, eps: one.eps } };
  });
  if (header.projected) block.shortcut = take(last.outputs * last.side ** 2);
  else if (header.block) block.shortcut = block.input;
  if (header.outputs) {
    block.classWeights = take(header.outputs * last.outputs);
    block.classBias = take(header.outputs);
    block.pooled = take(last.outputs);
    block.logits = take(header.outputs);
    block.probabilities = softmax(block.logits, 1);
  }
  block.image = bytes.slice(offset);
  return addDerived(block);
}

// Add the arrays that follow from those of the message.
function addDerived(block) {
  const { pre } = block.header;
  let x = block.input;
  for (const one of block.convolutions) {
    if (pre) {
      if (one.norm) {
        one.normalized = normalize(x, one.norm);
        x = one.activated = one.normalized.map(relu);
      }
      one.reads = x;
      x = one.output;
    } else {
      one.reads = x;
      one.normalized = normalize(one.output, one.norm);
      x = one.activated = one.normalized.map(relu);
    }
  }
  const last = block.convolutions.at(-1);
  if (block.shortcut) {
    block.branch = pre ? last.output : last.normalized;
    block.sum = block.branch.map((v, i) => v + block.shortcut[i]);
    block.output = pre ? block.sum : block.sum.map(relu);
    if (!pre) last.activated = block.output;
  } else block.output = x;
  return block;
}

export const relu = (v) => Math.max(0, v);

/**
 * Apply batch norm to maps: each channel has its own four numbers.
 * @param {Float32Array} maps
 */
export function normalize(maps, { mean, variance, scale, shift, eps }) {
  const area = maps.length / mean.length, out = new Float32Array(maps.length);
  for (let c = 0; c < mean.length; c++) {
    const deviation = Math.sqrt(variance[c] + eps);
    for (let i = c * area; i < (c + 1) * area; i++) {
      out[i] = ((maps[i] - mean[c]) / deviation) * scale[c] + shift[c];
    }
  }
  return out;
}

/**
 * Return whether two headers are of the same network, as far as its shapes tell.
 * @param {any} one
 * @param {any} other
 */
export function sameNetwork(one, other) {
  if (one.blocks !== other.blocks || one.pre !== other.pre) return false;
  return one.block !== other.block || JSON.stringify(one.convolutions) === JSON.stringify(other.convolutions);
}

/**
 * Return how one number of a convolution is computed: { values, kernel, products [Cin * k * k], sums [Cin],
 * total, inside [k * k] }, where `inside` says which positions of the window are in the input.
 * @param {any} block
 * @param {number} index of the convolution
 */
export function windowAt(block, index, channel, row, column) {
  const one = block.convolutions[index], { inputs, inputSide, stride, padding, reads, area, size } = one;
  const from = (block.header.only === null ? channel : 0) * inputs * area;
  const kernel = one.weight.subarray(from, from + inputs * area);
  const values = new Float32Array(inputs * area), sums = new Float32Array(inputs), inside = [];
  const top = stride * row - padding, left = stride * column - padding;
  for (let t = 0; t < area; t++) {
    const y = top + Math.floor(t / size), x = left + t % size;
    inside.push(y >= 0 && x >= 0 && y < inputSide && x < inputSide);
    if (!inside[t]) continue;
    for (let i = 0; i < inputs; i++) values[i * area + t] = reads[(i * inputSide + y) * inputSide + x];
  }
  const products = values.map((v, i) => v * kernel[i]);
  let total = 0;
  for (let i = 0; i < inputs; i++) {
    let sum = 0;
    for (let t = 0; t < area; t++) sum += products[i * area + t];
    sums[i] = sum;
    total += sum;
  }
  return { values, kernel, products, sums, total, inside };
}

/**
 * Return the steps of a convolution in order of computation.
 * @param {any} block
 * @param {number} index of the convolution
 */
export function stepsOf({ header }, index) {
  const before = header.pre && header.block ? ["norm", "relu"] : [];
  const after = header.pre ? [] : ["norm"], ends = index === header.convolutions.length - 1;
  if (ends && header.block) after.push("residual");
  if (!header.pre) after.push("relu");
  if (ends && header.outputs) after.push("head");
  return [...before, "window", "kernel", "products", "sum", ...after];
}

/**
 * Return the index of the step of a kind, or of the last step before it that this convolution has.
 * @param {any} block
 * @param {number} index of the convolution
 * @param {string} kind
 */
export function nearestStep(block, index, kind) {
  const { header } = block, most = { header: { ...header, block: 1, outputs: 1 } };
  const all = stepsOf(most, header.convolutions.length - 1), until = all.slice(0, all.indexOf(kind) + 1);
  return Math.max(0, stepsOf(block, index).findLastIndex((one) => until.includes(one)));
}

// Whether a step shows what happens before the kernel: then its channel and position are those of the input.
export const isBefore = ({ header }, kind) => header.pre && (kind === "norm" || kind === "relu");

/**
 * Return the maps before and after a step of batch norm or ReLU.
 * @param {any} block
 */
export function mapsOf(block, index, kind) {
  const one = block.convolutions[index], previous = block.convolutions[index - 1];
  if (block.header.pre) {
    const source = previous ? previous.output : block.input;
    return kind === "norm" ? [source, one.normalized] : [one.normalized, one.activated];
  }
  const ends = block.sum && index === block.convolutions.length - 1;
  return kind === "norm" ? [one.output, one.normalized] : [ends ? block.sum : one.normalized, one.activated];
}

/**
 * Parse a position `row.column`, counted from 1, by the rules of `Position` in dashboard/states/attention.py.
 * @param {string | null | undefined} text
 * @returns {{ row: number, column: number } | null} from 0, or null if the map has no such position
 */
export function parsePosition(text, side) {
  if (!/^[1-9][0-9]{0,3}\.[1-9][0-9]{0,3}$/.test(text ?? "")) return null;
  const [row, column] = text.split(".").map(Number);
  return Math.max(row, column) <= side ? { row: row - 1, column: column - 1 } : null;
}
