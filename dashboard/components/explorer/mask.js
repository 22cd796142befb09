// The painted part of the image: a mask with 0 or 1 per pixel, row by row.

const BRUSH = 0.11; // width of the brush, as a fraction of the image

/**
 * Paint the square around (x, y).
 * @param {Uint8Array} mask
 * @param {number} size of the image in pixels
 * @param {number} x as a fraction of the width
 * @param {number} y as a fraction of the height
 */
export function paintBrush(mask, size, x, y) {
  const reach = Math.max(0.5, (BRUSH * size) / 2), cx = x * size, cy = y * size;
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const near = Math.abs(column + 0.5 - cx) <= reach && Math.abs(row + 0.5 - cy) <= reach;
      if (near) mask[row * size + column] = 1;
    }
  }
}

const MOST_STROKES = 100; // that can be undone

// The masks before each stroke, so that strokes can be undone. They belong to one image, named by `stem`.
export class Strokes {
  stem = "";
  masks = [];

  // Keep a mask before a stroke changes it.
  keep(mask, stem) {
    if (stem !== this.stem) this.masks = [];
    this.stem = stem;
    this.masks.push(mask.slice());
    if (this.masks.length > MOST_STROKES) this.masks.shift();
  }

  canUndo(stem) {
    return stem === this.stem && this.masks.length > 0;
  }

  // Return the mask before the last stroke and forget it, or null if there is nothing to undo.
  undo(stem) {
    return this.canUndo(stem) ? this.masks.pop() : null;
  }
}

/**
 * Return the mask as text: the first characters of the image's digest, then a bit per pixel in base64.
 * @param {Uint8Array} bits
 * @param {string} stem of the digest
 * @returns {string | null} null if nothing is painted
 */
export function maskText(bits, stem) {
  if (!bits.some(Boolean)) return null;
  const bytes = new Uint8Array(Math.ceil(bits.length / 8));
  bits.forEach((bit, i) => {
    if (bit) bytes[i >> 3] |= 128 >> (i & 7);
  });
  const text = btoa(String.fromCharCode(...bytes));
  return `${stem}.${text.replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "")}`;
}

/**
 * Parse a mask. It is empty if the text belongs to another image.
 * @param {string | null} text
 * @param {string} stem of the image's digest
 * @param {number} count of pixels
 */
export function maskBits(text, stem, count) {
  const bits = new Uint8Array(count);
  const [owner, body] = (text || "").split(".");
  if (owner !== stem || !body) return bits;
  try {
    const bytes = atob(body.replace(/-/g, "+").replace(/_/g, "/"));
    for (let i = 0; i < count; i++) bits[i] = (bytes.charCodeAt(i >> 3) >> (7 - (i & 7))) & 1;
  } catch {
    // the text is not base64: the mask stays empty
  }
  return bits;
}

/**
 * Return whether any pixel is painted. The mask of a link may belong to another image, or be invalid.
 * @param {Uint8Array | null} mask
 */
export const isPainted = (mask) => mask?.includes(1) ?? false;
