// The arrays of the stepper as canvases with one pixel per number.

import { colorIndex } from "../shared/colors.js";
import { createCanvas } from "../shared/paint.js";
import { CHANNELS } from "./words.js";

const TINTS = [[1, 0.16, 0.14], [0.1, 0.86, 0.2], [0.22, 0.42, 1]]; // RGB of a channel at value 1

const tint = (v, channel) => TINTS[channel].map((part) => v * part);

// Create a canvas of width x height pixels; `color(i)` returns the color of pixel i, row by row.
function pixelCanvas(width, height, color) {
  const canvas = createCanvas(width, height), ctx = canvas.getContext("2d");
  const data = ctx.createImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    data.data.set(color(i), 4 * i);
    data.data[4 * i + 3] = 255;
  }
  ctx.putImageData(data, 0, 0);
  return canvas;
}

/**
 * Return the pictures of all steps: the image (`picture`), its channels (`planes`), a column of numbers per
 * patch (`flat`), and a column of values per token (`strips`: the patches, the positions and their sums).
 * @param {any} stepper
 * @param {Uint8Array} colors of the scale, RGB
 */
export function createPictures(stepper, colors) {
  const { header: h, pixels, count, perPatch, tokens, positions } = stepper;
  const columnsOf = (values) =>
    pixelCanvas(h.tokens, h.dim, (i) => {
      const value = values[(i % h.tokens) * h.dim + Math.floor(i / h.tokens)];
      const c = 3 * colorIndex(value, h.limit, true);
      return colors.subarray(c, c + 3);
    });
  const sums = tokens.map((v, i) => v + positions[i]);
  return {
    picture: pixelCanvas(h.size, h.size, (i) => pixels.subarray(3 * i, 3 * i + 3)),
    planes: CHANNELS.map((_, c) => pixelCanvas(h.size, h.size, (i) => tint(pixels[3 * i + c], c))),
    flat: pixelCanvas(count, perPatch, (i) => {
      const [patch, j] = [i % count, Math.floor(i / count)];
      return tint(stepper.value(patch, j), Math.floor(j / h.patch ** 2));
    }),
    strips: stepper.known ? [tokens, positions, sums].map(columnsOf) : [],
  };
}

/**
 * Return the color scale as a canvas of 256 x 1 pixels.
 * @param {Uint8Array} colors RGB
 */
export const scaleCanvas = (colors) => pixelCanvas(256, 1, (i) => colors.subarray(3 * i, 3 * i + 3));
