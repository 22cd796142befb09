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
