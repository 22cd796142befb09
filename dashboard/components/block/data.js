// The numbers of one block, as the server sends them, and what the browser computes from them.
//
// A message is one Uint8Array: uint32 length of the header, the header (JSON), the float32 arrays of
// ARRAYS and rows of weights (weights.js), the image [S, S, 3] and the crops [units, patches, c, c, 3] as
// bytes. If the model has many tokens, header.only is a token, and the arrays with R rows hold its row alone;
// otherwise R = T.

import { softmax } from "../shared/vectors.js";
import { readHeader } from "../shared/message.js";
import { floatsOfRows } from "./weights.js";

// Name and shape of each array: R rows, T tokens, D channels, M hidden units, H heads, P numbers that the
// head reads, F features, C classes, N classes that are listed.
const ARRAYS = [
  ["input", "RD"],
  ["q", "RD"], // the heads next to each other, as in k and v
  ["projected", "RD"],
  ["hidden", "RM"], // before the activation
  ["mlp", "RD"],
  ["headNorms", "RH"], // of what each head adds to the output of attention
  ["tokenNorms", "RT"], // the same for each token, in all heads together
  ["received", "HT"], // sum of the weights that a token gets from all queries: a column of the weights
  ["k", "TD"],
  ["v", "TD"],
  ["scale1", "D"], // of the first layer norm
  ["offset1", "D"],
  ["scale2", "D"],
  ["offset2", "D"],
  ["scale3", "D"], // of the head
  ["offset3", "D"],
  ["writes", "M"], // norm of what a unit with activation 1 adds to the stream
  ["classWeights", "NF"],
  ["classBias", "N"],
  ["pooled", "P"], // what the head reads, before its layer norm
  ["normalized", "P"],
  ["features", "F"], // what the classifier reads
  ["logits", "C"],
];

const READABLE = 12; // exp of this is 162,755

/**
 * Read a message, and compute the arrays that it leaves out.
 * @param {Uint8Array} bytes
 * @returns {any} { header, image, crops, and arrays by name }
 */
export function unpackBlock(bytes) {
  const message = readHeader(bytes), { header } = message;
  let { offset } = message;
  const sizes = {
    R: header.only === null ? header.tokens : 1,
    T: header.tokens,
    D: header.dim,
    M: header.hidden,
    H: header.heads,
    P: header.pooled,
    F: header.features,
    C: header.outputs,
    N: header.listed.length,
  };
  const take = (count) => new Float32Array(bytes.slice(offset, offset += 4 * count).buffer);
  const numbers = {};
  for (const [name, shape] of ARRAYS) {
    const count = [...shape].reduce((product, letter) => product * sizes[letter], 1);
    numbers[name] = take(count);
  }
  numbers.weightFloats = take(floatsOfRows(header));
  const image = bytes.slice(offset, offset += 3 * header.size ** 2), crops = bytes.slice(offset);
  return derive({ header, image, crops, rows: sizes.R, size: header.dim / header.heads, ...numbers });
}

// Add the arrays that follow from those of the message.
function derive(block) {
  const { header, input, projected, mlp, scale1, offset1, scale2, offset2 } = block;
  const { norm } = header, [eps1, eps2] = header.eps;
  const first = (values) => layerNorm(values, scale1, offset1, eps1);
  const second = (values) => layerNorm(values, scale2, offset2, eps2);
  const sum1 = added(input, projected);
  const middle = norm === "pre" ? sum1 : norm === "post" ? first(sum1) : second(sum1);
  const sum2 = added(middle, mlp);
  return Object.assign(block, {
    attentionInput: norm === "post" ? input : first(input),
    sum1,
    middle,
    mlpInput: norm === "pre" ? second(middle) : middle,
    active: block.hidden.map(ACTIVATIONS[header.activation]),
    sum2,
    output: norm === "post" ? second(sum2) : sum2,
    joined: joinedHeads(block),
    probabilities: softmax(block.logits, 1),
  });
}

const added = (a, b) => a.map((v, i) => v + b[i]);

/** Whether a block normalizes the input of attention. */
export const normsInput = ({ header }) => header.norm !== "post";

/** Whether a block normalizes one of its sums, "sum1" or "sum2". */
export const normsSum = ({ header }, sum) =>
  header.norm === "post" || (header.norm === "cct" && sum === "sum1");

/**
 * Return the mean and the variance that a layer norm uses.
 * @param {Float32Array} values
 */
export function spread(values) {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return { mean, variance: values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length };
}

/**
 * Normalize rows of scale.length numbers.
 * @param {Float32Array} values
 */
export function layerNorm(values, scale, offset, eps) {
  const out = new Float32Array(values.length), dim = scale.length;
  for (let from = 0; from < values.length; from += dim) {
    const { mean, variance } = spread(values.subarray(from, from + dim));
    const deviation = Math.sqrt(variance + eps);
    for (let j = 0; j < dim; j++) {
      out[from + j] = ((values[from + j] - mean) / deviation) * scale[j] + offset[j];
    }
  }
  return out;
}

// The error function, with a relative error of its complement below 1.2e-7 (Numerical Recipes, erfcc).
function erf(x) {
  const t = 1 / (1 + 0.5 * Math.abs(x));
  const series = [
    -1.26551223,
    1.00002368,
    0.37409196,
    0.09678418,
    -0.18628806,
    0.27886807,
    -1.13520398,
    1.48851587,
    -0.82215223,
    0.17087277,
  ];
  const exponent = series.reduceRight((sum, one) => sum * t + one, 0);
  const rest = t * Math.exp(-x * x + exponent);
  return x >= 0 ? 1 - rest : rest - 1;
}

/** @param {number} x */
export const gelu = (x) => 0.5 * x * (1 + erf(x / Math.SQRT2));

/** The activations of the MLP, by the names of the option `activation`. */
export const ACTIVATIONS = {
  gelu,
  gelu_tanh: (x) => 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3))),
  quick_gelu: (x) => x / (1 + Math.exp(-1.702 * x)),
};

// Return a row of an array, of a token or of the only one that was sent.
export function rowOf(block, name, token) {
  const length = block[name].length / block.rows, row = block.header.only === null ? token : 0;
  return block[name].subarray(row * length, (row + 1) * length);
}

// Return the part of a token's q, k or v that belongs to a head.
export function headPart(block, name, token, head) {
  const { size, header } = block, row = name === "q" && header.only !== null ? 0 : token;
  return block[name].subarray(row * header.dim + head * size, row * header.dim + (head + 1) * size);
}

/**
 * Return what is subtracted from all scores before the exponential of the softmax is written out. It changes
 * no weight: 0, or the largest score where exp would be too large or too small to read.
 */
export function shiftOf(scores, temperature) {
  const top = scores.reduce((a, b) => Math.max(a, b), -Infinity);
  return Math.abs(top / temperature) > READABLE ? top : 0;
}

/** Return the sums of the weights that each token gets from all queries in a head. */
export const receivedBy = ({ received, header: { tokens } }, head) =>
  received.subarray(head * tokens, (head + 1) * tokens);

/**
 * Return how a token attends in a head: the scaled scores, the weights, the weighted sum of the values
 * (`mixed`) and the norm of what each token contributes to it.
 * @param {any} block
 * @returns {{ scores: Float32Array, weights: Float32Array, mixed: Float32Array, lengths: Float32Array,
 *   contributions: Float32Array }}
 */
export function attentionRow(block, token, head, temperature = 1) {
  const { size, header: { tokens } } = block, q = headPart(block, "q", token, head);
  const scores = new Float32Array(tokens), lengths = new Float32Array(tokens), root = Math.sqrt(size);
  for (let t = 0; t < tokens; t++) {
    const k = headPart(block, "k", t, head);
    const v = headPart(block, "v", t, head);
    let product = 0, square = 0;
    for (let j = 0; j < size; j++) {
      product += q[j] * k[j];
      square += v[j] * v[j];
    }
    scores[t] = product / root;
    lengths[t] = Math.sqrt(square);
  }
  const weights = softmax(scores, temperature), mixed = new Float32Array(size);
  for (let j = 0; j < size; j++) {
    let sum = 0;
    for (let t = 0; t < tokens; t++) sum += weights[t] * block.v[t * block.header.dim + head * size + j];
    mixed[j] = sum;
  }
  return { scores, weights, mixed, lengths, contributions: weights.map((w, t) => w * lengths[t]) };
}

// Return the weighted sums of all heads next to each other, for each row.
function joinedHeads(block) {
  const { rows, size, header: { dim, heads, only } } = block, out = new Float32Array(rows * dim);
  for (let row = 0; row < rows; row++) {
    for (let head = 0; head < heads; head++) {
      out.set(attentionRow(block, only ?? row, head).mixed, row * dim + head * size);
    }
  }
  return out;
}
