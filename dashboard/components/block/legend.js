// The color scales of the drawing: a bar of colors with the values at its ends, and the values of an axis.

import { cssOf } from "../inside/paint.js";
import { formatted } from "../shared/numbers.js";

const LEGEND_TYPE = 11, LETTER_WIDE = 6.6; // pixels, of the type and of a letter
const BARS = [44, 24]; // widths of the bar of colors, of which the first that fits is used
const STOPS = 16, BAR_HIGH = 7;
const APART = 11; // pixels between the labels of an axis

const widthOf = (text) => LETTER_WIDE * text.length;
const smallType = (theme, type, more = {}) => ({ ...type, size: LEGEND_TYPE, color: theme.faint, ...more });

/**
 * Return the parts of a legend that fit into a width: { low, high, bar, wide }. In a narrow place, there is
 * no bar, or nothing.
 * @param {string} low
 * @param {string} high
 * @param {number} room in pixels
 */
export function legendParts(low, high, room) {
  const words = widthOf(low) + widthOf(high);
  const bar = BARS.find((one) => words + one + 8 <= room);
  if (bar) return { low, high, bar, wide: words + bar + 8 };
  const range = `${low} \u2026 ${high}`;
  return widthOf(range) <= room ? { low: range, high: "", bar: 0, wide: widthOf(range) } : null;
}

/** Return the legend of a color scale that ends at a value: it has the colors of larger values too. */
export const signedLegend = (limit, room) =>
  legendParts(`\u2264 ${formatted(-limit)}`, `\u2265 ${formatted(limit)}`, room);

/**
 * Draw a legend, with the center of its line at y. `colorOf(share)` gives the colors from 0 to 1.
 * @param {any} p painter
 * @param {{ low: string, high: string, bar: number, wide: number }} parts
 * @param {(share: number) => string} colorOf
 */
export function drawLegend(p, parts, x, y, colorOf, theme, type) {
  const { low, high, bar, wide } = parts, words = smallType(theme, type);
  p.rect(x - 1, y - 6, wide + 3, 12, { fill: theme.background });
  p.text(low, x, y, words);
  if (!bar) return;
  const left = x + widthOf(low) + 4;
  for (let i = 0; i < STOPS; i++) {
    const [from, to] = [i, i + 1].map((n) => left + (n / STOPS) * bar);
    p.rect(from, y - BAR_HIGH / 2, to - from + 0.3, BAR_HIGH, { fill: colorOf(i / (STOPS - 1)) });
  }
  p.text(high, left + bar + 4, y, words);
}

/** Return the colors of a table from 0 to 1. */
export const tableColors = (table) => (share) => cssOf(table[Math.round(255 * share)]);

/**
 * Draw the values at the ends of the axis of bars, and at zero if there is room between them.
 * @param {any} p painter
 * @param {{ x: number, y: number, h: number }} box
 * @param {number} top the largest value, or 0
 * @param {number} bottom minus the smallest value, or 0
 * @param {number} zero its y
 */
export function drawAxis(p, box, top, bottom, zero, theme, type) {
  const words = smallType(theme, type, { align: "right" }), x = box.x - 3;
  const ends = [];
  if (top > 0) ends.push({ text: formatted(top), y: box.y + 5 });
  if (bottom > 0) ends.push({ text: formatted(-bottom), y: box.y + box.h - 5 });
  if (ends.length > 1 && ends[1].y - ends[0].y < APART) ends.pop();
  for (const { text, y } of ends) p.text(text, x, y, words);
  if (ends.every(({ y }) => Math.abs(y - zero) >= APART)) p.text("0", x, zero, words);
}
