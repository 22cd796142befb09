// The layer norms of a block and of the head, number by number.

import { formatted, signedText } from "../shared/numbers.js";
import { normsInput, normsSum, rowOf, spread } from "./data.js";
import { NORM, OUTPUT, RESIDUAL } from "./steps.js";

const FIRST = 1, SECOND = 2, HEAD = 3; // as in scale1, scale2, scale3

/**
 * Return how a layer norm computes number j of some values:
 * value = (x - mean) / sqrt(variance + eps) * scale + offset.
 * @param {any} block
 * @param {number} which layer norm, from 1
 * @param {Float32Array} values
 * @param {number} j
 * @returns {Record<string, number>}
 */
function normParts({ header, ...block }, which, values, j) {
  const { mean, variance } = spread(values), eps = header.eps[which - 1];
  const x = values[j], scale = block[`scale${which}`][j], offset = block[`offset${which}`][j];
  const standard = (x - mean) / Math.sqrt(variance + eps);
  return { x, mean, variance, eps, standard, scale, offset, value: standard * scale + offset };
}

// The array that the layer norm of a step reads, and which layer norm it is. Pre-norm normalizes the input
// of each branch, and post-norm the sums. A CCT normalizes the input of attention and the sum with it.
function normOfStep(step, block) {
  if (step === NORM) return normsInput(block) ? { from: "input", which: FIRST } : null;
  if (step === RESIDUAL) return { from: "sum1", which: normsInput(block) ? SECOND : FIRST };
  return step === OUTPUT && normsSum(block, "sum2") ? { from: "sum2", which: SECOND } : null;
}

/**
 * Return the name of the array with the result of a step's layer norm, or null in a step without one.
 * @param {number} step
 * @param {any} block
 */
export function normalizedName(step, block) {
  if (!normOfStep(step, block)) return null;
  if (step === OUTPUT) return "output";
  if (step === NORM) return "attentionInput";
  return normsSum(block, "sum1") ? "middle" : "mlpInput";
}

/**
 * Return the parts of the number that the layer norm of a step computes, or null in a step without one.
 * @param {any} view
 */
export function normOf({ block, step, token, j }) {
  const norm = normOfStep(step, block);
  return norm && normParts(block, norm.which, rowOf(block, norm.from, token), j);
}

/**
 * Return the parts of a number that the layer norm of the head computes from some of its inputs.
 * @param {any} block
 * @param {Float32Array} values of one token, or of the mean of the patches
 * @param {number} j
 */
export const headNorm = (block, values, j) => normParts(block, HEAD, values, j);

/**
 * Return these parts written out as text.
 * @param {any} parts
 */
export function normText({ x, mean, variance, eps, scale, offset, value }) {
  const small = eps.toExponential(0).replaceAll("-", "\u2212");
  return `(${formatted(x)} \u2212 mean ${signedText(mean)}) / \u221a(variance ${formatted(variance)} + ` +
    `\u03b5 ${small}) \u00d7 \u03b3 ${signedText(scale)} + \u03b2 ${signedText(offset)} = ${
      formatted(value)
    }`;
}

/**
 * Return the symbol of what the layer norm of a step reads, as in its formula.
 * @param {number} step
 * @param {any} block
 */
export function readSymbol(step, block) {
  if (step === NORM) return "x";
  return normsSum(block, "sum1") ? "s" : "y";
}

/**
 * Return these parts as the rows of a list, in order of computation.
 * @param {any} parts
 * @param {string} symbol of the number that is normalized
 */
export function normRows({ x, mean, variance, eps, standard, scale, offset, value }, symbol) {
  const row = (label, number, text = formatted(number), bold = false) => ({
    label,
    value: number,
    text,
    bold,
  });
  return [
    row(symbol, x),
    row("mean \u03bc", mean),
    row("variance \u03c3\u00b2", variance),
    row("\u03b5", eps, eps.toExponential(0).replaceAll("-", "\u2212")),
    row("standardized", standard),
    row("\u03b3", scale),
    row("\u03b2", offset),
    row("normalized", value, formatted(value), true),
  ];
}
