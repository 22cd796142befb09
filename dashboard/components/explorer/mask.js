// What is painted over: a mask with a value of 0 or 1 per pixel, row by row.

const BRUSH = 0.11; // the brush's width as a share of the image

// Paint the square around (x, y), both shares of the image's width.
export function paintBrush(mask, size, x, y) {
  const reach = Math.max(0.5, (BRUSH * size) / 2), cx = x * size, cy = y * size;
  for (let row = 0; row < size; row++) {
    for (let column = 0; column < size; column++) {
      const near = Math.abs(column + 0.5 - cx) <= reach && Math.abs(row + 0.5 - cy) <= reach;
      if (near) mask[row * size + column] = 1;
    }
  }
}

// The mask as text, a bit per pixel, with the first characters of the image's digest: it belongs to that
// image.
export function maskText(bits, stem) {
  if (!bits.some(Boolean)) return null;
  const bytes = new Uint8Array(Math.ceil(bits.length / 8));
  bits.forEach((bit, i) => {
    if (bit) bytes[i >> 3] |= 128 >> (i & 7);
  });
  const text = btoa(String.fromCharCode(...bytes));
  return `${stem}.${text.replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "")}`;
}

export function maskBits(text, stem, count) {
  const bits = new Uint8Array(count);
  const [owner, body] = (text || "").split(".");
  if (owner !== stem || !body) return bits;
  try {
    const bytes = atob(body.replace(/-/g, "+").replace(/_/g, "/"));
    for (let i = 0; i < count; i++) bits[i] = (bytes.charCodeAt(i >> 3) >> (7 - (i & 7))) & 1;
  } catch {
    // not a mask: nothing is painted
  }
  return bits;
}
