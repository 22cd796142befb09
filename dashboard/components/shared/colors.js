// Color tables: from a number to a color.

// 256 colors [256 * 3] -> one 32-bit RGBA number each
export function table(bytes) {
  const out = new Uint32Array(256);
  for (let i = 0; i < 256; i++) {
    out[i] = (255 << 24) | (bytes[3 * i + 2] << 16) | (bytes[3 * i + 1] << 8) | bytes[3 * i];
  }
  return out;
}

export const bytesOf = (base64) => Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));

// The color's number for a value: 0 to top, or -top to top where values differ in sign.
export function shade(value, top, signed) {
  const share = signed ? 0.5 + value / (2 * top) : value / top;
  return Math.max(0, Math.min(255, Math.round(255 * share)));
}
