// The drawing of a step, with a painter for canvas or SVG.

import { movingPosition, NARROW, patchPosition, stepLayout } from "./layout.js";
import { CHANNELS, numberText } from "./words.js";

// Above these values of a channel, black text has more contrast than white.
const BLACK_TEXT = [225, 158, 250];
const DARK_RING = { outer: "#000", inner: "#fff" }, LIGHT_RING = { outer: "#fff", inner: "#000" };

// Draw a ring of two colors, which is visible on every picture.
function ring(p, x, y, w, h, { outer, inner }) {
  p.rect(x - 1, y - 1, w + 2, h + 2, { stroke: outer, line: 4 });
  p.rect(x - 1, y - 1, w + 2, h + 2, { stroke: inner, line: 2 });
}

const LETTER = 6.5; // mean width of a letter of small text, in pixels
const smallText = (theme) => ({ font: theme.font, size: 13, color: theme.text });

/**
 * Paint the current step, or the current moment of a move.
 * @param {any} stepper
 * @param {any} p painter
 * @param {any} theme
 */
export function paintStep(stepper, p, theme) {
  const { from, step, progress } = stepper;
  const fade = (shown, alpha) => {
    p.ctx.globalAlpha = alpha;
    if (alpha > 0) drawStep(stepper, p, shown, theme);
    p.ctx.globalAlpha = 1;
  };
  if (progress === 1) drawStep(stepper, p, step, theme);
  else {
    fade(from, 1 - progress / 0.35);
    fade(step, (progress - 0.6) / 0.4);
  }
  drawPatches(stepper, p);
}

function drawPatches(stepper, p) {
  const { count, step, known, chosen } = stepper, atRest = stepper.progress === 1;
  const sums = step === 4 && known && atRest ? stepLayout(stepper, 4) : null;
  for (let i = 0; i < count; i++) {
    const [x, y, unit] = movingPosition(stepper, i);
    drawPatch(stepper, p, i, x, y, unit);
    if (sums) drawPatch(stepper, p, i, x + sums.lefts[2], y + sums.offsets[2], unit);
  }
  if (!atRest) return;
  const [x, y, unit] = patchPosition(stepper, step, chosen);
  ring(p, x, y, unit, unit, DARK_RING);
}

// The part of the image that a patch covers, [x, y, size].
function partOf({ side, header }, i) {
  return [(i % side) * header.patch, Math.floor(i / side) * header.patch, header.patch];
}

function drawPatch(stepper, p, i, x, y, unit) {
  const [sx, sy, size] = partOf(stepper, i);
  p.pixels(stepper.picture, sx, sy, size, size, x, y, unit, unit);
}

// Draw everything of a step except the moving patches.
function drawStep(stepper, p, step, theme) {
  const layout = stepLayout(stepper, step);
  if (step === 0) drawChannels(stepper, p, layout, [0, 0, stepper.header.size], theme);
  else if (step === 1) drawChosenPatch(stepper, p, layout, theme);
  else if (step === 2) drawSequence(stepper, p, layout, theme);
  else if (!stepper.known) drawEmptyColumns(stepper, p, layout, theme, stepper.count + stepper.first);
  else if (step === 3) drawProjection(stepper, p, layout, theme);
  else drawSums(stepper, p, layout, theme);
}

// Draw the chosen patch enlarged, and its channels.
function drawChosenPatch(stepper, p, layout, theme) {
  const { chosen } = stepper, { x, y, unit } = layout;
  drawPatch(stepper, p, chosen, x, y, unit);
  p.text(`patch ${chosen + 1}`, x, y + unit + 13, smallText(theme));
  drawChannels(stepper, p, { x: x + unit + 44, y, unit }, partOf(stepper, chosen), theme);
}

// Draw a column of pixel values per patch. The column of CLS, which joins them in the next step, is left
// free.
function drawSequence(stepper, p, layout, theme) {
  const { h, count, first } = stepper, { lefts, pitch, unit, top, rows } = layout;
  const high = h - top, small = smallText(theme), left = lefts[0] + first * pitch;
  for (let i = 0; i < count; i++) {
    p.pixels(stepper.flat, i, 0, 1, rows, left + i * pitch, top, unit, high);
  }
  CHANNELS.forEach((name, c) =>
    p.text(name, left - 10, top + ((c + 0.5) * high) / 3, { ...small, align: "right" })
  );
  captionColumns(stepper, p, `each column is a patch: its ${rows} numbers, 0 to 255`, left, small);
  ringChosenColumn(stepper, p, layout);
}

// Write a text below the columns: from their left edge, or further to the left if it would not fit.
function captionColumns({ w, h }, p, text, left, style) {
  p.text(text, Math.max(0, Math.min(left, w - LETTER * text.length)), h + 13, style);
}

// Draw a column of values per token.
function drawProjection(stepper, p, layout, theme) {
  const { h, count, first } = stepper, { lefts: [left], pitch, unit, top, rows } = layout;
  const high = h - top, small = smallText(theme);
  for (let t = 0; t < count + first; t++) {
    p.pixels(stepper.strips[0], t, 0, 1, rows, left + t * pitch, top, unit, high);
  }
  if (first) drawEmptyColumns(stepper, p, layout, theme, 1, false);
  [`${rows}`, "numbers"].forEach((word, i) =>
    p.text(word, left - 10, top + high / 2 - 9 + 18 * i, { ...small, align: "right" })
  );
  captionColumns(stepper, p, `each column is a token: its ${rows} numbers`, left, small);
  ringChosenColumn(stepper, p, layout);
}

function ringChosenColumn({ h, chosen, first }, p, { lefts, pitch, unit, top }) {
  ring(p, lefts[0] + (chosen + first) * pitch, top, unit, h - top, LIGHT_RING);
}

// Draw the tokens, the positions and their sums.
function drawSums(stepper, p, layout, theme) {
  const { count, first, chosen, header } = stepper, { pitch, wide, deep, top, rows } = layout;
  const high = deep - top, small = smallText(theme);
  const names = [first ? "patches and CLS" : "patches", "positions", "input of the first block"];
  layout.lefts.forEach((left, i) => {
    const y = layout.offsets[i];
    p.pixels(stepper.strips[i], 0, 0, count + first, rows, left, y + top, wide, high);
    p.text(`${names[i]}, std ${numberText(header.spreads[i])}`, left, y + deep + 13, small);
    const [signX, signY] = y ? [wide - 12, y - 18] : [left - 22, top + high / 2];
    if (i) p.text("+="[i - 1], signX, signY, { ...small, size: 24, align: "center" });
    ring(p, left + (chosen + first) * pitch, y + top, pitch, high, LIGHT_RING);
  });
}

// Draw a part [x, y, size] of the image as its three channels, with the numbers if they fit.
function drawChannels(stepper, p, { x, y, unit }, part, theme) {
  const [sx, sy, size] = part, { header } = stepper, small = smallText(theme);
  p.text("=", x - (sx || size < header.size ? 22 : 28), y + unit / 2, {
    ...small,
    size: 24,
    align: "center",
  });
  CHANNELS.forEach((name, c) => {
    const left = x + c * (unit + 14);
    p.pixels(stepper.planes[c], sx, sy, size, size, left, y, unit, unit);
    p.text(name, left, y + unit + 13, small);
    drawNumbers(stepper, p, left, y, unit, part, c, theme);
  });
}

// Write the values of one channel on its pixels, unless the pixels are too small.
function drawNumbers({ pixels, header }, p, x, y, unit, [sx, sy, size], channel, theme) {
  const cell = unit / size;
  if (cell < 30) return;
  const type = { font: theme.font, size: Math.min(16, cell / 2.9), align: "center" };
  for (let i = 0; i < size ** 2; i++) {
    const [column, row] = [i % size, Math.floor(i / size)];
    const v = pixels[3 * ((sy + row) * header.size + sx + column) + channel];
    const color = v > BLACK_TEXT[channel] ? "#000" : "#fff";
    p.text(v, x + (column + 0.5) * cell, y + (row + 0.5) * cell, { ...type, color });
  }
}

// Draw dashed boxes for CLS, which has no pixels, and for `columns` columns without values.
function drawEmptyColumns({ h, first }, p, layout, theme, columns, withBoxes = true) {
  const { lefts: [left], pitch, unit, top } = layout, high = h - top - 1;
  const dash = { stroke: theme.faint, dash: [3, 3] };
  if (pitch < NARROW && columns > 1) p.rect(left, top + 0.5, pitch * columns, high, dash);
  for (let i = 0; i < columns && pitch >= NARROW; i++) {
    const x = left + i * pitch + 0.5;
    if (i < first) p.rect(x, 0.5, unit - 1, unit - 1, dash);
    if (withBoxes) p.rect(x, top + 0.5, unit - 1, high, dash);
  }
  if (first) p.text("CLS", left - 10, Math.max(8, unit / 2 + 1), { ...smallText(theme), align: "right" });
}
