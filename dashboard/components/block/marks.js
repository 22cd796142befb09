// The marks of the two tokens that a drawing is about: a ring of two colors around the chosen token, whose
// query it is, and a green one around the token that is pointed at, whose key and value it is. No color scale
// has this green.

import { OUTER, ringAround } from "../inside/paint.js";

export const KEY = "#009E73";
const MARK = 9, MARK_LETTER = 6.2; // pixels

/** Draw the ring of the query, or of the chosen token in steps without a key. */
export const ringQuery = ringAround;

/** Draw the ring of the key, or of the token that is pointed at in steps without a query. */
export function ringKey(p, x, y, w, h) {
  p.rect(x - 1, y - 1, w + 2, h + 2, { stroke: OUTER, line: 4 });
  p.rect(x - 1, y - 1, w + 2, h + 2, { stroke: KEY, line: 2 });
}

/**
 * Draw what the rings mean, to the left of x, unless the room is too small.
 * @param {any} p painter
 * @param {number} x right end
 * @param {number} y center
 * @param {number} room in pixels
 */
export function drawMeaning(p, x, y, room, type) {
  const wide = (text) => MARK + 5 + MARK_LETTER * text.length;
  /** @type {[string, typeof ringKey][]} */
  const rings = [["key", ringKey], ["query", ringQuery]];
  if (rings.reduce((sum, [text]) => sum + wide(text) + 10, 0) > room) return;
  for (const [text, ring] of rings) {
    x -= wide(text);
    ring(p, x, y - MARK / 2, MARK, MARK);
    p.text(text, x + MARK + 5, y + 0.5, { ...type, size: 11 });
    x -= 10;
  }
}
