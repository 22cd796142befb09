// The meanings of the symbols in the formula of each step, as plain text.

import { describeSymbols, NORM_SYMBOLS } from "../inside/symbols.js";
import { normsInput, normsSum, shiftOf } from "./data.js";
import { layerTitle } from "./head.js";
import { ACTIVATION_NAMES } from "./words.js";

const ALL_TOKENS = "tokens \u00d7 channels", ALL_SCORES = "heads \u00d7 queries \u00d7 keys";
const PER_HEAD = "heads \u00d7 tokens \u00d7 channels of a head";
const LAYER_SCALE = { "\u03b3 \u2299": "LayerScale, a learned factor for each channel" };

/**
 * Return the meanings of the symbols of a step, one in a line, and of the axes of its arrays.
 * @param {any} view
 */
export function symbolsOf({ block, step, temperature, attention }) {
  const { header: h } = block, { biases } = h, reads = normsInput(block);
  const scale = h.scaled ? LAYER_SCALE : {};
  const stream = reads ? { n: "the token after layer norm" } : { x: "the token" };
  const sum = (before, part, after, what, name) => {
    const s = name === "sum1" ? "s" : "s\u2032", normed = normsSum(block, name);
    return {
      [before]: "the token before",
      [part]: `the output of ${what}`,
      ...(normed ? { [s]: "their sum", ...NORM_SYMBOLS } : {}),
      [after]: normed ? "the sum after layer norm" : "their sum",
    };
  };
  /** @type {(() => [Record<string, string>, string])[]} */
  const steps = [
    () => [
      reads ? { x: "the token", ...NORM_SYMBOLS, n: "the token after layer norm" } : { x: "the token" },
      ALL_TOKENS,
    ],
    () => [{
      ...stream,
      "q, k, v": "query, key and value of the token in one head",
      "W": "a matrix for each of the three",
      ...(biases.qkv ? { b: "an offset for each of the three" } : {}),
      ...(h.rotary ? { R: "turns pairs of channels by angles that depend on the position" } : {}),
    }, PER_HEAD],
    () => [{
      s_t: "the score of token t",
      q: "the query of the chosen token",
      k_t: "the key of token t",
      [`\u221a${block.size}`]: "the square root of the number of channels of a head",
    }, ALL_SCORES],
    () => [{
      a_t: "the weight of token t",
      s_t: "its score",
      "\u03a3_u": "a sum over all tokens u",
      "\u03c4": "the temperature",
      ...(shiftOf(attention.scores, temperature)
        ? { "max s": "the largest score, which keeps exp from overflowing and cancels" }
        : {}),
    }, ALL_SCORES],
    () => [{
      z: "the output of the head",
      a_t: "the weight of token t",
      v_t: "the value of token t",
      "\u03a3_t": "a sum over all tokens t",
      "W_o,h": "the columns of W_o, the matrix of the next step, that read head h",
      "\u2016 \u2016": "the norm of a vector",
      ...scale,
    }, PER_HEAD],
    () => [{
      o: "the output of attention",
      z_h: `the output of head h, of H = ${h.heads}`,
      W_o: "the matrix that mixes the heads",
      ...(biases.block ? { b_o: "its offset" } : {}),
      ...scale,
    }, ALL_TOKENS],
    () => [{
      ...sum("x", "o", "y", "attention", "sum1"),
      ...(h.norm === "pre" ? { ...NORM_SYMBOLS, "n\u2032": "the sum after layer norm" } : {}),
    }, ALL_TOKENS],
    () => [{
      m: "the output of the MLP",
      ...(h.norm === "pre" ? { "n\u2032": "the token after layer norm" } : { y: "the token" }),
      "W\u2081": `the matrix from ${h.dim} channels to ${h.hidden} units`,
      "W\u2082": "the matrix from the units back to the channels",
      ...(biases.block ? { "b\u2081, b\u2082": "their offsets" } : {}),
      [ACTIVATION_NAMES[h.activation]]: "the activation function",
      ...scale,
    }, ALL_TOKENS],
    () => [sum("y", "m", "x\u2032", "the MLP", "sum2"), ALL_TOKENS],
    () => [{
      x: "a token after the last block",
      LN: "layer norm",
      ...(h.head.layer ? { [h.head.layer === "tanh" ? "V, c" : "P"]: `the ${layerTitle(h)}` } : {}),
      ...(h.outputs ? { "W, b": "a vector and an offset for each class" } : {}),
    }, h.outputs ? "classes" : "features"],
  ];
  return describeSymbols(...steps[step]());
}
