// Parts of the drawings of both steppers.

import { TITLE } from "./layout.js";

export const OUTER = "#fff", INNER = "#000"; // a ring of two colors is visible on every picture

export const channelsOf = (color) => [color & 255, (color >> 8) & 255, (color >> 16) & 255];
export const cssOf = (color) => `rgb(${channelsOf(color).join(" ")})`;

// The color of a bar, without its length.
export const barColor = (view, value) => cssOf(view.diverging[value < 0 ? 40 : 215]);

// Draw a ring around a box.
export function ringAround(p, x, y, w, h) {
  p.rect(x - 1, y - 1, w + 2, h + 2, { stroke: OUTER, line: 4 });
  p.rect(x - 1, y - 1, w + 2, h + 2, { stroke: INNER, line: 2 });
}

const TITLE_LETTER = 6.6; // pixels, about

/** Return the width of a title in pixels, about. */
export const titleWidth = (title) => TITLE_LETTER * title.length;

// Shorten a title to a width.
export function fitted(title, width) {
  const most = Math.floor(width / TITLE_LETTER);
  return title.length <= most ? title : `${title.slice(0, Math.max(1, most - 1))}\u2026`;
}

// Return the first title that fits into a width, or else the last one, shortened.
export const fitting = (titles, width) =>
  titles.find((title) => title.length * TITLE_LETTER <= width) ?? fitted(titles.at(-1), width);

const SWATCH = 9; // pixels

/**
 * Draw the panels with their titles, each by the function for its kind, and the signs between them. The
 * function `ring` of a panel draws what marks its token, next to the title.
 * @param {any} view
 * @param {any} p painter
 * @param {any} theme
 * @param {Record<string, (view: any, p: any, panel: any, theme: any, type: any) => void>} kinds
 */
export function paintPanels(view, p, theme, type, kinds) {
  const { layout: { panels, signs } } = view;
  for (const panel of panels) {
    const { box, kind, ring, short = panel.title } = panel, indent = ring ? SWATCH + 6 : 0;
    const title = panel.title && fitting([panel.title, short], box.w - indent);
    if (title) {
      // lines between panels end at a title
      p.rect(box.x - 1, box.y - TITLE + 2, Math.min(box.w, titleWidth(title) + indent) + 4, TITLE - 4, {
        fill: theme.background,
      });
    }
    if (title) p.text(title, box.x + indent, box.y - 11, { ...type, weight: 500 });
    if (ring) ring(p, box.x + 1, box.y - 11.5 - SWATCH / 2, SWATCH, SWATCH);
    kinds[kind](view, p, panel, theme, type);
  }
  for (const { text, x, y } of signs) p.text(text, x, y, { ...type, size: 24, align: "center" });
}

const LEAST_LABEL = 82, LEAST_BAR = 110; // pixels; longer labels are shortened
const LEAST_PICTURE = 24; // pixels; fewer pictures are drawn if they would be smaller
const TEXT_LETTER = 7.2; // pixels, of a number at the end of a row
const SMALL_LIST = 300, SMALL_LABEL = 50, SMALL_BAR = 12; // the same for a list of less than 300 pixels

/**
 * Draw a list { items, left, right, tallest, thumbs, pictures, signed }: a row per item, with its label in at
 * most `left` pixels, its value as a bar, and its text in `right` pixels. Signed values begin in the middle.
 * `addPictures(item, y, high, x, size, count)` draws `thumbs` in front of labels, and `pictures` in a row.
 * @param {any} view
 * @param {any} p painter
 * @param {any} panel
 * @param {(item: any) => boolean} isMarked
 */
export function drawItems(view, p, panel, theme, type, isMarked, addPictures = (..._place) => {}) {
  const { box, items, tallest = 30, pictures = 0, thumbs = false, signed = false } = panel;
  const high = Math.min(tallest, box.h / items.length),
    small = box.w < SMALL_LIST,
    longest = TEXT_LETTER * Math.max(...items.map(({ text }) => text.length)),
    right = small ? Math.min(panel.right, longest + 10) : panel.right,
    widest = small
      ? Math.max(SMALL_LABEL, box.w - right - SMALL_BAR - 12)
      : Math.max(LEAST_LABEL, box.w - right - LEAST_BAR);
  const thumb = thumbs ? high : 0, left = Math.min(thumb + panel.left, widest);
  panel.box.h = high * items.length; // for the pointer
  const most = items.reduce((a, { value }) => Math.max(a, Math.abs(value)), 1e-9);
  const fits = pictures ? (box.w - left - right - (small ? 2 * SMALL_BAR : LEAST_BAR / 2)) / pictures : 0;
  const count = fits < LEAST_PICTURE ? Math.max(1, Math.floor(pictures * fits / LEAST_PICTURE)) : pictures;
  const wide = pictures ? count * Math.min(high - 4, pictures * fits / count) : 0,
    room = Math.max(10, box.w - left - right - wide - 12);
  const words = { ...type, size: Math.min(13, high * 0.62) }, bar = Math.min(14, high * 0.55);
  const zero = box.x + left + (signed ? room / 2 : 0);
  items.forEach((item, n) => {
    const y = box.y + n * high, middle = y + high / 2;
    const length = (item.value / most) * (signed ? room / 2 : room);
    if (isMarked(item)) p.rect(box.x - 4, y, box.w + 4, high - 1, { fill: theme.track });
    const label = fitted(item.label, left - thumb);
    p.text(label, box.x + thumb, middle, { ...words, weight: item.bold ? 700 : 400 });
    p.rect(zero + Math.min(0, length), middle - bar / 2, Math.max(1, Math.abs(length)), bar, {
      fill: barColor(view, item.value),
    });
    p.text(item.text, box.x + left + room + right, middle, { ...words, align: "right" });
    addPictures(item, y, high, box.x + box.w - wide, wide / count - 4, count);
  });
}
