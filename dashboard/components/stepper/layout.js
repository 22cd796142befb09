// The layout of the steps: where patches, columns and panels are, and what is under the pointer. Nothing here
// draws. `view`: the stepper, or an object with its numbers.

export const NARROW = 8; // pixels: narrower columns have no gaps
const PHONE = 520; // pixels: in narrower drawings, parts are below each other
const LABEL = 34; // pixels below a panel, for its label

export const clamp = (v, low, high) => Math.max(low, Math.min(high, v));
const smooth = (t) => t * t * (3 - 2 * t);

/**
 * Return the index, in the pixels of the image, of number j of a patch in the model's order: by channel, then
 * row by row.
 * @param {{ size: number, patch: number }} header
 */
export function pixelIndex({ size, patch: p }, patch, j) {
  const side = size / p;
  const [channel, cell] = [Math.floor(j / p ** 2), j % p ** 2];
  const row = Math.floor(patch / side) * p + Math.floor(cell / p);
  const column = (patch % side) * p + (cell % p);
  return 3 * (row * size + column) + channel;
}

/**
 * Return the layout of a step: the square of the image, columns below the patches, or three panels of
 * columns.
 * @param {any} view
 * @param {number} step
 * @returns {any} lengths in pixels. The first two steps: the `square`, then `x` and the size `unit` of the
 * pictures next to it, and their `y`. The others: the `lefts` and `offsets` (from the top) of the panels,
 * their height `deep`, the `pitch` of the columns, their width `unit`, their `top` in the panel, and the
 * count of `rows`.
 */
export function stepLayout(view, step) {
  if (step <= 1) return imageLayout(view, step);
  return step <= 3 || !view.known ? columnLayout(view, step) : panelLayout(view);
}

function imageLayout({ w, h }, step) {
  const parts = step ? 4 : 3, roomFrom = (x) => (w - x - 14 * parts - 22 * step) / parts;
  if (w < PHONE) {
    const x = step ? 0 : 56, unit = roomFrom(x);
    const square = Math.min(w, h - unit - LABEL);
    return { square, x, unit, y: square + 14 };
  }
  const square = Math.min(h, 0.45 * w), x = square + 56;
  const unit = Math.min((step ? 0.62 : 0.72) * square, roomFrom(x));
  return { square, x, unit, y: (square - unit) / 2 };
}

function columnLayout({ w, h, count, first, known, perPatch, header }, step) {
  const all = count + first, gutter = 76, room = (w - gutter) / all;
  const narrow = room < NARROW;
  const pitch = narrow ? room : Math.min(72, Math.floor(room)); // whole pixels: all gaps are equal
  const unit = narrow ? room : Math.round(pitch * 0.9);
  const left = gutter + Math.max(0, (w - gutter - all * pitch) / 2);
  const rows = step === 3 && known ? header.dim : perPatch;
  return { pitch, unit, lefts: [left], offsets: [0], deep: h, top: unit + 8, rows };
}

function panelLayout({ w, h, count, first, header }) {
  const phone = w < PHONE, gap = phone ? LABEL : 44;
  const wide = phone ? w : (w - 2 * gap) / 3, deep = phone ? (h - 2 * gap) / 3 : h;
  const pitch = wide / (count + first), unit = Math.min(pitch, 16);
  const lefts = [0, 1, 2].map((i) => phone ? 0 : i * (wide + gap));
  const offsets = [0, 1, 2].map((i) => phone ? i * (deep + gap) : 0);
  return { pitch, unit, wide, deep, lefts, offsets, top: unit + 6, rows: header.dim };
}

/**
 * Return the position of patch i in a step, [x, y, size].
 * @param {any} view
 */
export function patchPosition(view, step, i) {
  const { side, first } = view, layout = stepLayout(view, step);
  if (step > 1) return [layout.lefts[0] + (i + first) * layout.pitch, 0, layout.unit];
  const gap = step ? clamp(24 / side, 2, 8) : 0;
  const unit = (layout.square - gap * (side - 1)) / side;
  return [(i % side) * (unit + gap), Math.floor(i / side) * (unit + gap), unit];
}

/**
 * Return the position of patch i during a move, [x, y, size]. The patches start one after the other.
 * @param {any} view
 */
export function movingPosition(view, i) {
  const { from, step, progress, count } = view;
  const t = smooth(clamp(1.5 * progress - (0.5 * i) / count, 0, 1));
  const start = patchPosition(view, from, i), end = patchPosition(view, step, i);
  return start.map((v, k) => v + (end[k] - v) * t);
}

/**
 * Return the patch, the token and the number at a point of the drawing, or null.
 * @param {any} view
 * @returns {{ patch: number, token?: number, j?: number | null } | null}
 */
export function hitTest(view, px, py) {
  const { h, step, side, count, first, known, chosen } = view;
  if (py > h) return null;
  const layout = stepLayout(view, step);
  if (step <= 1) {
    const [column, row] = [px, py].map((v) => Math.floor((v / layout.square) * side));
    return column >= 0 && row >= 0 && column < side && row < side ? { patch: row * side + column } : null;
  }
  const { lefts, offsets, deep, pitch, top, rows } = layout;
  const panel = lefts.findIndex((left, i) =>
    px >= left && px < left + pitch * (count + first) && py >= offsets[i] && py <= offsets[i] + deep
  );
  if (panel < 0) return null;
  const token = Math.floor((px - lefts[panel]) / pitch), hasValues = step < 3 || known;
  if (step === 2 && token < first) return null; // CLS joins the patches in the next step
  const y = py - offsets[panel];
  const row = Math.min(rows - 1, Math.floor(((y - top) / (deep - top)) * rows));
  const j = y < top || !hasValues ? null : row;
  return { patch: token < first ? chosen : token - first, token, j };
}
