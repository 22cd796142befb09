// Color tables: they map a value to a color.

/**
 * Pack 256 colors, three bytes each, into one 32-bit RGBA number each.
 * @param {Uint8Array} bytes
 */
export function colorTable(bytes) {
  const table = new Uint32Array(256);
  for (let i = 0; i < 256; i++) {
    table[i] = (255 << 24) | (bytes[3 * i + 2] << 16) | (bytes[3 * i + 1] << 8) | bytes[3 * i];
  }
  return table;
}

/** @param {string} base64 */
export const decodeBase64 = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));

/**
 * Return a color table as a CSS gradient from left to right.
 * @param {Uint32Array} colors
 */
export function gradientOf(colors) {
  const stops = Array.from({ length: 16 }, (_, i) => colors[17 * i])
    .map((c) => `rgb(${c & 255} ${(c >> 8) & 255} ${(c >> 16) & 255})`);
  return `linear-gradient(to right, ${stops.join(", ")})`;
}

/**
 * Return the colors of evenly spaced values on a square-root scale.
 * @param {Uint32Array} colors
 * @param {boolean} signed
 */
export function rootTable(colors, signed) {
  return colors.map((_, i) => {
    const share = i / 255;
    return colors[colorIndex(signed ? 2 * share - 1 : share, 1, signed, true)];
  });
}

/**
 * Return the index of a value's color in the table. The table covers 0 to `max`, or -max to `max` if
 * `signed`.
 * @param {number} value
 * @param {number} max
 * @param {boolean} signed
 * @param {boolean} root whether the colors follow the square root of the value, which separates small values
 */
export function colorIndex(value, max, signed, root = false) {
  let share = value / max;
  if (root) share = Math.sign(share) * Math.sqrt(Math.abs(share));
  const fraction = signed ? 0.5 + share / 2 : share;
  return Math.max(0, Math.min(255, Math.round(255 * fraction)));
}

/**
 * Write the colors of `count` values from `values[from]` to `pixels[to]`: those that `colorIndex` chooses,
 * without a call for each value.
 * @param {Uint32Array} pixels
 * @param {number} to
 * @param {ArrayLike<number>} values
 * @param {number} from
 * @param {number} count
 * @param {{ colors: Uint32Array, max: number, signed: boolean, root: boolean }} scale see `colorIndex`
 */
export function writeColors(pixels, to, values, from, count, { colors, max, signed, root }) {
  const middle = signed ? 127.5 : 0, length = 255 - middle;
  for (let i = 0; i < count; i++) {
    let share = values[from + i] / max;
    if (root) share = share < 0 ? -Math.sqrt(-share) : Math.sqrt(share);
    const index = middle + length * share + 0.5;
    pixels[to + i] = colors[index < 0 ? 0 : index > 255 ? 255 : index | 0];
  }
}
