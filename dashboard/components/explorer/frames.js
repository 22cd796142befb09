// The attention weights of an image, as the server sends them, and the maps made of them.
//
// A message is one Uint8Array: uint32 length of the header, the header (JSON), if header.has_image is true
// the image [S, S, 3] as bytes, and, if header.has is true, float16 weights [layers, heads, T, T] and rollout
// [T, T]. If a model has too many weights to send, header.only is a token, and the weights are
// [layers, heads, 2, T]: the row and the column of that token.

import { decodeFloat16 } from "../shared/half.js";
import { readHeader } from "../shared/message.js";

const MAX_BYTES = 96 * 2 ** 20; // of the decoded frames in the cache
const MAX_IMAGE_BYTES = 16 * 2 ** 20; // of the images in the cache

/** @typedef {{ weights: Float32Array, rollout: Float32Array, header: any }} Frame */

/**
 * Read a message.
 * @param {Uint8Array} bytes
 * @returns {{ header: any, image: Uint8Array | null, frame: Frame | null }}
 */
export function unpack(bytes) {
  const { header, offset } = readHeader(bytes);
  const pixels = header.has_image ? header.size * header.size * 3 : 0;
  const image = header.has_image ? bytes.slice(offset, offset + pixels) : null;
  const frame = header.has ? decodeFrame(bytes, offset + pixels, header) : null;
  return { header, image, frame };
}

/**
 * Decode the weights and the rollout of one image, which begin at byte `from`.
 * @param {Uint8Array} bytes
 * @param {number} from
 * @param {any} header
 * @returns {Frame}
 */
export function decodeFrame(bytes, from, header) {
  const { layers, heads, tokens } = header;
  const count = layers * heads * (header.only === null ? tokens : 2) * tokens;
  const weights = decodeFloat16(bytes, from, count);
  const rollout = decodeFloat16(bytes, from + 2 * count, header.only === null ? tokens * tokens : 0);
  return { weights, rollout, header };
}

const ROUNDING = 2 ** -10, LEAST = 2 ** -24; // of the difference of two float16, relative and absolute

// Return a - b, or 0 if the rounding of both to float16 can cause it.
export function differenceOf(a, b) {
  const difference = a - b;
  const error = Math.max(ROUNDING * Math.max(Math.abs(a), Math.abs(b)), LEAST);
  return Math.abs(difference) <= error ? 0 : difference;
}

// Return a token's row of the rollout as a map over the patches.
export function rolloutMap({ rollout, header: { tokens, first } }, token) {
  return rollout.subarray(token * tokens + first, (token + 1) * tokens);
}

// Return a cache of the latest values by key. `bytesOf` returns the size of a value. The map `kept` is global
// and survives a change of the page. The server remembers what it sent, and sends it again on request.
function latest(kept, maxBytes, bytesOf) {
  return {
    get(key) {
      const found = kept.get(key);
      if (found) {
        kept.delete(key); // the newest is last
        kept.set(key, found);
      }
      return found;
    },
    put(key, value) {
      kept.delete(key);
      kept.set(key, value);
      let total = 0;
      for (const other of kept.values()) total += bytesOf(other);
      for (const [old, other] of kept) {
        if (total <= maxBytes || old === key) break;
        kept.delete(old);
        total -= bytesOf(other);
      }
    },
  };
}

// Return the cache of frames, so that a snapshot is not sent twice.
export function frameCache(maxBytes = MAX_BYTES) {
  globalThis.vitlabFrames ??= new Map();
  return latest(globalThis.vitlabFrames, maxBytes, (f) => f.weights.byteLength + f.rollout.byteLength);
}

// Return the cache of images, so that an image is sent once for all tokens and snapshots.
export function imageCache(maxBytes = MAX_IMAGE_BYTES) {
  globalThis.vitlabImages ??= new Map();
  return latest(globalThis.vitlabImages, maxBytes, (image) => image.byteLength);
}

// The maps of one token in every layer and head: (layers + 1) x (heads + 1) cells, whose last row and column
// are means. `values` [cells, N]: the weights of the patches. `masses` [first, cells]: the weights of the
// tokens before the patches, such as CLS. The buffers are reused.
export class Maps {
  constructor({ layers, heads, tokens, first }) {
    this.layers = layers;
    this.heads = heads;
    this.tokens = tokens;
    this.first = first;
    this.patches = tokens - first;
    this.columns = heads + 1;
    this.rows = layers + 1;
    this.values = new Float32Array(this.rows * this.columns * this.patches);
    this.cells = this.rows * this.columns;
    this.masses = new Float32Array(first * this.cells);
  }

  // Compute the weights of `token` as the query (direction "queries"), or as the key ("keys").
  read(frame, token, direction) {
    const { layers, heads, tokens: T, first, patches: N, columns, cells, values, masses } = this;
    const { weights } = frame;
    const only = frame.header.only !== null;
    const keys = direction === "keys";
    const stride = keys && !only ? T : 1;
    values.fill(0);
    masses.fill(0);
    for (let l = 0; l < layers; l++) {
      for (let h = 0; h < heads; h++) {
        const base = (l * heads + h) * (only ? 2 : T) * T;
        const start = base + (only ? (keys ? T : 0) : keys ? token : token * T);
        const cell = l * columns + h;
        const own = cell * N, row = (l * columns + heads) * N, column = (layers * columns + h) * N;
        for (let k = 0, from = start + first * stride; k < N; k++, from += stride) {
          const v = weights[from];
          values[own + k] = v;
          values[row + k] += v;
          values[column + k] += v;
        }
        for (let k = 0; k < first; k++) {
          const v = weights[start + k * stride], from = k * cells;
          masses[from + cell] = v;
          masses[from + l * columns + heads] += v;
          masses[from + layers * columns + h] += v;
        }
      }
    }
    this.divideSums(values, N);
    for (let k = 0; k < first; k++) this.divideSums(masses.subarray(k * cells, (k + 1) * cells), 1);
    return this;
  }

  // Turn the sums over heads and over layers into means, and compute the mean over both. `values` has `size`
  // numbers for each cell.
  divideSums(values, size) {
    const { layers, heads, columns } = this, all = (layers * columns + heads) * size;
    for (let l = 0; l < layers; l++) {
      const row = (l * columns + heads) * size;
      for (let k = 0; k < size; k++) values[all + k] += (values[row + k] /= heads) / layers;
    }
    for (let i = layers * columns * size; i < all; i++) values[i] /= layers;
  }

  // Compute the difference of two sets of maps.
  minus(a, b) {
    for (let i = 0; i < this.values.length; i++) this.values[i] = differenceOf(a.values[i], b.values[i]);
    for (let i = 0; i < this.masses.length; i++) this.masses[i] = a.masses[i] - b.masses[i];
    return this;
  }

  map(row, column) {
    const from = (row * this.columns + column) * this.patches;
    return this.values.subarray(from, from + this.patches);
  }

  // Return the weights of the tokens before the patches in a cell [first].
  massesOf(row, column) {
    const cell = row * this.columns + column;
    return Array.from({ length: this.first }, (_, token) => this.masses[token * this.cells + cell]);
  }

  // Return the end of the color scale for each cell [cells]: one for all, one per layer, or one per map.
  maxima(scale) {
    const { rows, columns, values } = this;
    const perMap = new Float32Array(rows * columns);
    for (let cell = 0, i = 0; cell < this.cells; cell++) {
      let max = 0;
      for (const end = i + this.patches; i < end; i++) max = Math.max(max, Math.abs(values[i]));
      perMap[cell] = max || 1e-9;
    }
    if (scale === "map") return perMap;
    const shared = scale === "layer" ? null : perMap.reduce((a, b) => Math.max(a, b));
    return perMap.map((_, i) => {
      if (shared !== null) return shared;
      const r = Math.floor(i / columns);
      return perMap.subarray(r * columns, (r + 1) * columns).reduce((a, b) => Math.max(a, b));
    });
  }
}
