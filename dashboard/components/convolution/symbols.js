// The meanings of the symbols in the formula of each step, as plain text.

import { describeSymbols, NORM_SYMBOLS } from "../inside/symbols.js";

const PLACES = {
  "i, k": "a channel of the input and of the output",
  "r, c": "row and column of a position of the output",
  "u, v": "row and column in the kernel, from its center",
};
const READ = { x_i: "channel i of the input", ...PLACES };
const MAP_AXES = "channels \u00d7 rows \u00d7 columns",
  KERNEL_AXES = "input channels \u00d7 rows \u00d7 columns";

/**
 * Return the meanings of the symbols of a step, and of the axes of its arrays.
 * @param {any} view
 */
export function convSymbols({ one, kind, block }) {
  const stride = one.stride === 1 ? {} : { [one.stride]: "the stride" };
  const [meanings, axes] = {
    window: [{ ...READ, ...stride }, KERNEL_AXES],
    kernel: [{ "w_k,i": "the kernel of output channel k for input channel i", ...PLACES }, KERNEL_AXES],
    products: [
      { p_i: "the products of input channel i", ...READ, "w_k,i": "the kernel", ...stride },
      KERNEL_AXES,
    ],
    sum: [
      {
        y_k: "channel k of the output",
        "\u03a3": "sums over i, u and v",
        ...READ,
        "w_k,i": "the kernel",
        ...stride,
      },
      MAP_AXES,
    ],
    norm: [{
      y: "a number of a channel",
      n: "the same number, normalized",
      ...NORM_SYMBOLS,
      "\u03bc, \u03c3\u00b2": "mean and variance of the channel in the training",
    }, MAP_AXES],
    residual: [{
      ...(block.header.pre ? { y: "the result" } : { n: "the result, normalized" }),
      s: "the shortcut",
      [block.header.pre ? "x\u2032" : "z"]: "their sum",
    }, MAP_AXES],
    relu: [{ z: "a number of a channel" }, MAP_AXES],
    head: [{
      x: "a channel of the last block",
      "mean_r,c": "the mean over all positions",
      "W, b": "a vector and an offset for each class",
    }, "channels \u2192 classes"],
  }[kind];
  return describeSymbols(meanings, axes);
}
