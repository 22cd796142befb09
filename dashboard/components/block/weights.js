// Rows of weights from the server, kept by block. Each row is followed by its offset and its scale.

import { readHeader } from "../shared/message.js";

const KEPT = 12; // blocks: the weights of one of the bundled ViT take 2 MB

/** The rows that the browser has, by the key of the block's weights. */
export class WeightRows {
  blocks = new Map(); // "LAYER ROW" -> Float32Array, by key

  /**
   * Add the rows that a header lists.
   * @param {{ weights: string, sentWeights?: any[][] }} header
   * @param {Float32Array} floats all rows, one after the other
   */
  add({ weights, sentWeights = [] }, floats) {
    let at = 0;
    for (const [layer, first, count, width] of sentWeights) {
      for (let n = 0; n < count; n++) {
        this.rowsOf(weights).set(`${layer} ${first + n}`, floats.subarray(at, at += width));
      }
    }
  }

  rowsOf(key) {
    if (!this.blocks.has(key)) {
      if (this.blocks.size >= KEPT) this.blocks.delete(this.blocks.keys().next().value);
      this.blocks.set(key, new Map());
    }
    return this.blocks.get(key);
  }

  /**
   * Return a row of a layer as { weights, offset, scale }, or null if the browser does not have it.
   * @param {{ weights: string }} header
   */
  row({ weights }, layer, index) {
    const found = this.blocks.get(weights)?.get(`${layer} ${index}`);
    if (!found) return null;
    return { weights: found.subarray(0, -2), offset: found.at(-2), scale: found.at(-1) };
  }
}

/**
 * Read a message that has rows of weights and nothing else, or return null for another message.
 * @param {Uint8Array} bytes
 */
export function readRows(bytes) {
  const { header, offset } = readHeader(bytes);
  return header.rowsAlone ? { header, floats: new Float32Array(bytes.slice(offset).buffer) } : null;
}

// Return how many floats the rows of a message have.
export const floatsOfRows = ({ sentWeights = [] }) =>
  sentWeights.reduce((sum, [, , count, width]) => sum + count * width, 0);
