// The panels of each step, and where they are. Nothing here draws.
//
// A step is a row of columns { wide, sign, panels }. A panel is
// - a matrix: the array `name` with a column per token, of which it shows `rows` rows from `from`;
// - bars: `values`, one per token or per channel;
// - or a list of `items`: tokens, heads, units or classes. A `ranked` list is cut if it has no room.
// A panel with little width has its `short` title.
// `high` and `wide` are shares. `box` is the place of the content, below the title.

import { leastWidth } from "../inside/items.js";
import { isStacked, roomsOf, shareWidth, SMALLEST, TITLE } from "../inside/layout.js";
import { columnsOf } from "./columns.js";

const GAP = 46, BOTTOM = 12; // pixels between columns, and below a panel
const LEAST_ITEM = 17; // pixels of an item of a list, whose text is smaller otherwise
const LEAST_ITEMS = 3; // of a ranked list, which has fewer items in a small room
const AXIS = 36; // pixels for the values of an axis, to the left of panels that are below each other
const THUMB = 12; // pixels of the patches above the columns

/**
 * Return the place of the image, and all panels of a step with their boxes.
 * @param {any} view with the size w x h of the drawing in pixels
 * @returns {{ image: { x: number, y: number, size: number }, panels: any[], signs: any[] }}
 */
export function arrange(view) {
  const { w, h } = view, columns = columnsOf(view), rooms = roomsOf(view);
  if (isStacked(view)) return arrangeNarrow(view, columns);
  const size = Math.max(SMALLEST, Math.min(h - TITLE - 34, rooms.image));
  const image = { x: 0, y: TITLE, size };
  const left = size + AXIS + 10, signs = [], panels = [];
  const gaps = columns.slice(1).reduce((sum, one) => sum + (one.sign ? rooms.sign : GAP), 0);
  const widths = shareWidth(
    columns.map(({ wide, panels: stacked }) => ({ wide, least: leastOf(stacked) })),
    w - left - gaps,
  );
  let x = left;
  columns.forEach((column, i) => {
    if (i) x += column.sign ? rooms.sign : GAP;
    if (i && column.sign) signs.push({ text: column.sign, x: x - rooms.sign + 16, y: TITLE + 0.25 * h });
    stack(column.panels, x, 0, widths[i], h, panels);
    x += widths[i];
  });
  return { image, panels, signs };
}

// Return the width of a column from which its lists are whole.
const leastOf = (panels) =>
  Math.max(0, ...panels.map((panel) => panel.kind === "list" && !panel.pictures ? leastWidth(panel) : 0));

export const PREFIX_BOX = 18; // pixels of the box of a token before the patches, below the image

// Return the distance between these boxes: smaller if they do not fit below the image with a text.
export const prefixPitch = (first, size) =>
  Math.min(PREFIX_BOX + 4, Math.max(size - 90, 0.25 * size) / first);

// Place the panels of a column below each other.
function stack(column, x, y, w, h, panels) {
  const shares = column.reduce((sum, one) => sum + one.high, 0);
  const room = h - column.length * TITLE - (column.length - 1) * BOTTOM;
  const whole = (panel) => panel.kind === "list" && !panel.ranked; // has all of its items
  const least = (panel) => Math.min(LEAST_ITEM * panel.items.length, 0.6 * room);
  const short = column.filter((one) => whole(one) && (one.high / shares) * room < least(one));
  const rest = room - short.reduce((sum, one) => sum + least(one), 0);
  const shared = shares - short.reduce((sum, one) => sum + one.high, 0);
  for (const panel of column) {
    const high = short.includes(panel) ? least(panel) : (panel.high / shared) * rest;
    const most = Math.max(LEAST_ITEMS, Math.floor(high / LEAST_ITEM));
    const items = panel.ranked ? panel.items.slice(0, most) : panel.items;
    panels.push({ ...panel, items, box: { x, y: y + TITLE, w, h: high } });
    y += TITLE + high + BOTTOM;
  }
}

function arrangeNarrow({ w, h }, columns) {
  const size = Math.min(150, 0.45 * w), image = { x: 0, y: TITLE, size }, panels = [];
  const top = size + TITLE + 34;
  stack(columns.flatMap((one) => one.panels), AXIS, top, w - AXIS, h - top, panels);
  return { image, panels, signs: [] };
}

/**
 * Return the place of a token's column in a panel.
 * @param {any} panel
 */
export function columnAt({ box }, token, count) {
  const pitch = box.w / count;
  return { x: box.x + token * pitch, w: pitch };
}

/**
 * Return the height of the patches above the columns of a matrix: 0 if the columns are too narrow.
 * @param {any} panel
 */
export function panelTop({ kind, box }, tokens) {
  const pitch = box.w / tokens;
  return kind === "matrix" && pitch >= 4 ? Math.min(THUMB, pitch) + 3 : 0;
}
