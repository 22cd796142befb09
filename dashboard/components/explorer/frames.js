// What one look at one image gives, as the server sends it, and how it is read.
//
// One Uint8Array: uint32 length of the header, the header (JSON), the image [S, S, 3] as bytes, then, where
// header.has is true, float16: weights [layers, heads, T, T] and rollout [T, T]. Of a model whose weights are
// too many to send (header.only is a token), weights are [layers, heads, 2, T]: that token's row and its
// column.

import { readHeader } from "../shared/message.js";

const HALF = (() => {
  const table = new Float32Array(65536); // every float16
  for (let i = 0; i < 65536; i++) {
    const sign = i & 0x8000 ? -1 : 1;
    const exponent = (i >> 10) & 31;
    const fraction = i & 1023;
    table[i] = sign *
      (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -14 * (fraction / 1024));
  }
  return table;
})();

const MOST_BYTES = 96 * 2 ** 20; // of decoded frames kept in this window

function halves(bytes, from, count) {
  const view = new DataView(bytes.buffer, bytes.byteOffset + from, 2 * count);
  const out = new Float32Array(count);
  for (let i = 0; i < count; i++) out[i] = HALF[view.getUint16(2 * i, true)];
  return out;
}

// -> { header, image: Uint8Array [S, S, 3], frame: { weights, rollout, header } or null }
export function unpack(bytes) {
  const { header, at } = readHeader(bytes);
  const pixels = header.size * header.size * 3;
  const image = bytes.slice(at, at + pixels);
  if (!header.has) return { header, image, frame: null };
  const { layers, heads, tokens } = header;
  const count = layers * heads * (header.only === null ? tokens : 2) * tokens;
  const from = at + pixels;
  const weights = halves(bytes, from, count);
  const rollout = halves(bytes, from + 2 * count, header.only === null ? tokens * tokens : 0);
  return { header, image, frame: { weights, rollout, header } };
}

// A row of the rollout as a map over the patches.
export function rolloutMap({ rollout, header: { tokens, first } }, token) {
  return rollout.subarray(token * tokens + first, (token + 1) * tokens);
}

// The frames seen last, by key: a snapshot played before needs no second transfer. On the window, so that it
// outlives the page; the server keeps a list of what it sent and sends it again when asked.
export function shelf(mostBytes = MOST_BYTES) {
  globalThis.vitlabFrames ??= new Map();
  const frames = globalThis.vitlabFrames;
  return {
    get(key) {
      const found = frames.get(key);
      if (found) {
        frames.delete(key); // newest last
        frames.set(key, found);
      }
      return found;
    },
    put(key, frame) {
      frames.delete(key);
      frames.set(key, frame);
      let bytes = 0;
      for (const f of frames.values()) bytes += f.weights.byteLength + f.rollout.byteLength;
      for (const [old, f] of frames) {
        if (bytes <= mostBytes || old === key) break;
        frames.delete(old);
        bytes -= f.weights.byteLength + f.rollout.byteLength;
      }
    },
  };
}

// The maps of one token in every layer and head, and their means: cells [(layers + 1) x (heads + 1)], the
// last row and column are means. values [cells, N] over the patches, mass [cells] on CLS. Buffers are kept
// from call to call.
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
    this.mass = new Float32Array(this.rows * this.columns);
  }

  // What `token` reads from every key (direction "queries"), or who reads it ("keys").
  read(frame, token, direction) {
    const { layers, heads, tokens: T, first, patches: N, columns, values, mass } = this;
    const { weights } = frame;
    const only = frame.header.only !== null;
    const keys = direction === "keys";
    values.fill(0);
    mass.fill(0);
    for (let l = 0; l < layers; l++) {
      for (let h = 0; h < heads; h++) {
        const base = (l * heads + h) * (only ? 2 : T) * T;
        const start = base + (only ? (keys ? T : 0) : keys ? token : token * T);
        const stride = keys && !only ? T : 1;
        const cell = l * columns + h;
        const own = cell * N, row = (l * columns + heads) * N, column = (layers * columns + h) * N;
        const all = (layers * columns + heads) * N;
        for (let k = 0; k < N; k++) {
          const v = weights[start + (k + first) * stride];
          values[own + k] = v;
          values[row + k] += v / heads;
          values[column + k] += v / layers;
          values[all + k] += v / (layers * heads);
        }
        if (first) {
          const v = weights[start];
          mass[cell] = v;
          mass[l * columns + heads] += v / heads;
          mass[layers * columns + h] += v / layers;
          mass[layers * columns + heads] += v / (layers * heads);
        }
      }
    }
    return this;
  }

  minus(a, b) {
    for (let i = 0; i < this.values.length; i++) this.values[i] = a.values[i] - b.values[i];
    for (let i = 0; i < this.mass.length; i++) this.mass[i] = a.mass[i] - b.mass[i];
    return this;
  }

  map(row, column) {
    const from = (row * this.columns + column) * this.patches;
    return this.values.subarray(from, from + this.patches);
  }

  // The value drawn brightest in each cell [cells]: one for all, one a layer, or one a map.
  tops(scale) {
    const { rows, columns } = this;
    const own = new Float32Array(rows * columns);
    for (let r = 0; r < rows; r++) {
      for (let c = 0; c < columns; c++) {
        let top = 0;
        for (const v of this.map(r, c)) top = Math.max(top, Math.abs(v));
        own[r * columns + c] = top || 1e-9;
      }
    }
    if (scale === "map") return own;
    const shared = scale === "layer" ? null : own.reduce((a, b) => Math.max(a, b));
    return own.map((_, i) => {
      if (shared !== null) return shared;
      const r = Math.floor(i / columns);
      return own.subarray(r * columns, (r + 1) * columns).reduce((a, b) => Math.max(a, b));
    });
  }
}
