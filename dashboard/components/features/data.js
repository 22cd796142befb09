// The features of the tokens of an image, as the server sends them, and what the browser computes from them.
//
// A message is one Uint8Array: uint32 length of the header, the header (JSON), float32 norms [points, T],
// float16 features [sent, T, D] of which each row has the norm 1 (or 0), the colors [sent, N, 3] of the
// patches as bytes, and the image [S, S, 3]. The points are the input of the first block, the output of every
// block, and the tokens after the last layer norm. `header.sent` names the points of which there are
// features.

import { decodeFloat16 } from "../shared/half.js";
import { readHeader } from "../shared/message.js";

const MAX_BYTES = 96 * 2 ** 20; // of the decoded features that are kept

/** Return the number of points of the residual stream. */
export const pointsOf = ({ layers }) => layers + 2;

/**
 * Read a message.
 * @param {Uint8Array} bytes
 * @returns {{ header: any, norms: Float32Array, image: Uint8Array,
 *   features: Map<number, { units: Float32Array, colors: Uint8Array, shares: number[] }> }} by point
 */
export function unpackFeatures(bytes) {
  const message = readHeader(bytes), { header } = message;
  const { tokens, dim, sent, side } = header, patches = side * side;
  let { offset } = message;
  const take = (length) => bytes.slice(offset, offset += length);
  const norms = new Float32Array(take(4 * pointsOf(header) * tokens).buffer);
  const units = sent.map(() => decodeFloat16(take(2 * tokens * dim), 0, tokens * dim));
  const colors = sent.map(() => take(3 * patches));
  const features = new Map(
    sent.map((point, i) => [point, { units: units[i], colors: colors[i], shares: header.shares[i] }]),
  );
  return { header, norms, image: take(3 * header.size ** 2), features };
}

/**
 * Add the features of a message to those of earlier ones, of the same image and model. The oldest are dropped
 * if they are too many.
 */
export function keepFeatures(kept, added, maxBytes = MAX_BYTES) {
  for (const [point, one] of added) {
    kept.delete(point); // the newest is last
    kept.set(point, one);
  }
  let total = 0;
  for (const { units } of kept.values()) total += units.byteLength;
  for (const [point, { units }] of kept) {
    if (total <= maxBytes || added.has(point)) break;
    kept.delete(point);
    total -= units.byteLength;
  }
}

/**
 * Return the cosine similarities of one token with all tokens [T]: dot products of unit features.
 * @param {Float32Array} units [T, D]
 * @param {number} token
 * @param {number} dim D
 */
export function similarities(units, token, dim) {
  const out = new Float32Array(units.length / dim), own = units.subarray(token * dim, (token + 1) * dim);
  for (let t = 0, from = 0; t < out.length; t++) {
    let sum = 0;
    for (let j = 0; j < dim; j++, from++) sum += own[j] * units[from];
    out[t] = Math.max(-1, Math.min(1, sum));
  }
  return out;
}
