// Lists of both steppers: a row per item, with its label, a bar, and a number as text.

import { barColor, fitted, titleWidth } from "./paint.js";

const LEAST_LABEL = 82, LEAST_BAR = 110; // pixels; longer labels are shortened
const SMALL_LIST = 300, SMALL_LABEL = 50, SMALL_BAR = 12; // the same for a list of less than 300 pixels
const LEAST_PICTURE = 24; // pixels; fewer pictures are drawn if they would be smaller
const NUMBER_LETTER = 7.2; // pixels, of a number
const TALLEST = 30; // pixels of a row
const MARGINS = 12; // pixels around a bar

const longest = (texts) => texts.reduce((a, b) => (a.length < b.length ? b : a), "");
const labelsWidth = ({ items }) => titleWidth(longest(items.map(({ label }) => label))) + 6;
const numbersWidth = ({ items }) => NUMBER_LETTER * longest(items.map(({ text }) => text)).length + 10;

/**
 * Return the width of a list in pixels from which no label and no number is cut, with small bars.
 * @param {any} panel see drawItems
 */
export function leastWidth(panel) {
  const { items, thumbs = false, signed = false, tallest = TALLEST } = panel;
  const bar = signed ? 2 * SMALL_BAR : SMALL_BAR, thumb = thumbs ? tallest : 0;
  return items.length ? thumb + labelsWidth(panel) + bar + MARGINS + numbersWidth(panel) : 0;
}

// Return the widths of labels and numbers, and whether there is room for bars between them.
function widthsIn(panel, thumb) {
  const { box, left } = panel, small = box.w < SMALL_LIST;
  const right = small ? Math.min(panel.right, numbersWidth(panel)) : panel.right;
  const free = box.w - right - (small ? SMALL_BAR + MARGINS : LEAST_BAR);
  const hasBars = free >= (small ? SMALL_LABEL : LEAST_LABEL);
  return { left: Math.min(thumb + left, hasBars ? free : box.w - right), right, hasBars };
}

/**
 * Draw a list { items, left, right, tallest, thumbs, pictures, signed }: a row per item, with its label in at
 * most `left` pixels, its value as a bar, and its text in `right` pixels. Signed values begin in the middle.
 * `addPictures(item, y, high, x, size, count)` draws `thumbs` in front of labels, and `pictures` in a row.
 * A list without room for bars has none.
 * @param {any} view
 * @param {any} p painter
 * @param {any} panel
 * @param {(item: any) => boolean} isMarked
 */
export function drawItems(view, p, panel, theme, type, isMarked, addPictures = (..._place) => {}) {
  const { box, items, tallest = TALLEST, pictures = 0, thumbs = false, signed = false } = panel;
  const high = Math.min(tallest, box.h / items.length), thumb = thumbs ? high : 0;
  const { left, right, hasBars } = widthsIn(panel, thumb);
  panel.box.h = high * items.length; // for the pointer
  const most = items.reduce((a, { value }) => Math.max(a, Math.abs(value)), 1e-9);
  const small = box.w < SMALL_LIST, bars = small ? 2 * SMALL_BAR : LEAST_BAR / 2;
  const fits = pictures ? (box.w - left - right - bars) / pictures : 0;
  const count = fits < LEAST_PICTURE ? Math.max(1, Math.floor(pictures * fits / LEAST_PICTURE)) : pictures;
  const wide = pictures ? count * Math.min(high - 4, pictures * fits / count) : 0,
    room = hasBars ? Math.max(10, box.w - left - right - wide - MARGINS) : 0;
  const words = { ...type, size: Math.min(13, high * 0.62) }, bar = Math.min(14, high * 0.55);
  const zero = box.x + left + (signed ? room / 2 : 0);
  items.forEach((item, n) => {
    const y = box.y + n * high, middle = y + high / 2;
    const length = (item.value / most) * (signed ? room / 2 : room);
    if (isMarked(item)) p.rect(box.x - 4, y, box.w + 4, high - 1, { fill: theme.track });
    const label = fitted(item.label, left - thumb);
    p.text(label, box.x + thumb, middle, { ...words, weight: item.bold ? 700 : 400 });
    if (hasBars) {
      p.rect(zero + Math.min(0, length), middle - bar / 2, Math.max(1, Math.abs(length)), bar, {
        fill: barColor(view, item.value),
      });
    }
    p.text(item.text, box.x + left + room + right, middle, { ...words, align: "right" });
    addPictures(item, y, high, box.x + box.w - wide, wide / count - 4, count);
  });
}
