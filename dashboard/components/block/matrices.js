// The arrays of a block as canvases with a column of pixels per token, and the limits of their color scales.

import { limitOf } from "../shared/vectors.js";
import { colorIndex } from "../shared/colors.js";
import { createCanvas, rgbCanvas } from "../shared/paint.js";

// Arrays that are drawn as matrices, each with its color scale.
export const DRAWN = {
  input: "stream",
  attentionInput: "attentionInput",
  q: "heads",
  k: "heads",
  v: "heads",
  joined: "joined",
  projected: "stream",
  sum1: "stream",
  middle: "stream",
  mlpInput: "mlpInput",
  active: "active",
  mlp: "stream",
  sum2: "stream",
  output: "stream",
};
export const WHOLES = new Set(["k", "v"]); // sent for all tokens, whatever their number

/**
 * Return the value at the end of each color scale.
 * @param {any} block
 */
export function limitsOf(block) {
  const most = (...names) => Math.max(...names.map((name) => limitOf(block[name])));
  return {
    stream: most("input", "sum1", "sum2", "output"),
    attentionInput: most("attentionInput"),
    mlpInput: most("mlpInput"),
    heads: most("q", "k", "v"),
    joined: most("joined"),
    active: most("active"),
  };
}

/**
 * Return a canvas for each matrix, a pixel per number: a column per token, from the first number at the top.
 * @param {any} block
 * @param {Record<string, number>} limits
 * @param {Uint32Array} colors
 */
export function paintMatrices(block, limits, colors) {
  const canvases = {}, heights = {};
  for (const [name, scale] of Object.entries(DRAWN)) {
    const columns = WHOLES.has(name) ? block.header.tokens : block.rows;
    const rows = block[name].length / columns, canvas = createCanvas(columns, rows);
    const ctx = canvas.getContext("2d"), picture = ctx.createImageData(columns, rows);
    const pixels = new Uint32Array(picture.data.buffer), values = block[name], limit = limits[scale];
    for (let t = 0; t < columns; t++) {
      for (let j = 0; j < rows; j++) {
        pixels[j * columns + t] = colors[colorIndex(values[t * rows + j], limit, true)];
      }
    }
    ctx.putImageData(picture, 0, 0);
    canvases[name] = canvas;
    heights[name] = rows;
  }
  return { canvases, heights };
}

/**
 * Return the crops [units, patches, c, c, 3] as one canvas, with a crop per c rows.
 * @param {any} block
 */
export function cropCanvas({ crops, header: { crop } }) {
  return crop ? rgbCanvas(crops, crop, crops.length / (3 * crop)) : createCanvas(1, 1);
}
