// What corresponds on the two sides, and their difference.

import { differenceOf } from "../explorer/frames.js";
import { defaultToken, hasCls, middlePatch, prefixOf, tokenName } from "../shared/tokens.js";

/**
 * Return the token of another model at the same place of the image, or null: CLS for CLS, a register for the
 * register of the same number, or the patch that contains the middle of the patch.
 * @param {number | null} token
 * @param {any} from header of its model
 * @param {any} to header of the other model
 */
export function partnerToken(token, from, to) {
  if (token === null) return null;
  if (token < from.first) {
    const same = prefixOf(to).indexOf(prefixOf(from)[token]);
    return same < 0 ? null : same;
  }
  const patch = token - from.first;
  const place = (index) => Math.floor(((2 * index + 1) * to.side) / (2 * from.side)); // exact at borders, too
  return to.first + place(Math.floor(patch / from.side)) * to.side + place(patch % from.side);
}

/**
 * Return the cell of another model with the same layer and head, or null. Means correspond to means.
 * @param {{ r: number, c: number } | null} cell
 */
export function partnerCell(cell, from, to) {
  if (!cell) return null;
  const index = (v, count, other) => (v === count ? other : v < other ? v : null);
  const r = index(cell.r, from.layers, to.layers), c = index(cell.c, from.heads, to.heads);
  return r === null || c === null ? null : { r, c };
}

/**
 * Return the tokens that both sides show while none is chosen: CLS, or the patch in the middle.
 * @param {any[]} sides headers
 */
export function defaultTokens([left, right]) {
  const token = hasCls(right) ? defaultToken(left) : middlePatch(left);
  return [token, partnerToken(token, left, right)];
}

/**
 * Return the tokens that both sides show if a side has the weights of one token only, `only`. Until those of
 * another token arrive, the other side shows the same place.
 * @param {any[]} sides headers
 * @param {(number | null)[]} chosen tokens, both null if none is chosen
 */
export function sentTokens(sides, chosen) {
  const wanted = chosen[0] === null ? defaultTokens(sides) : chosen;
  const late = sides.findIndex(({ only }, i) => only !== null && wanted[i] !== null && only !== wanted[i]);
  if (late < 0) return wanted;
  const from = sides[late];
  return sides.map((side, i) => side.only ?? (i === late ? null : partnerToken(from.only, from, side)));
}

/**
 * Return whether both models divide the image into the same patches.
 * @param {any[]} sides headers
 */
export const sameGrid = ([left, right]) => left.side === right.side;

/**
 * Return a sentence that says why there is no difference of these tokens, or an empty text.
 * @param {any[]} sides headers
 * @param {(number | null)[]} tokens
 */
export function whyNoDifference([left, right], tokens) {
  if (!sameGrid([left, right])) {
    const grid = ({ side }) => `${side} x ${side} patches`;
    return `No difference: the left model has ${grid(left)}, the right one ${grid(right)}. ` +
      "Each side has its own color scale.";
  }
  const missing = tokens.indexOf(null);
  if (missing < 0) return "";
  const name = tokenName(tokens[1 - missing], [left, right][1 - missing]).replace("the ", "");
  return `No difference: the model on the ${missing ? "right" : "left"} has no ${name}. Choose a patch.`;
}

/**
 * Return the header of the difference: the layers and heads that both models have.
 * @param {any[]} sides headers
 */
export function commonHeader([left, right]) {
  const prefix = prefixOf(left).filter((name) => prefixOf(right).includes(name)), first = prefix.length;
  return {
    ...left,
    prefix,
    layers: Math.min(left.layers, right.layers),
    heads: Math.min(left.heads, right.heads),
    first,
    tokens: left.side ** 2 + first,
  };
}

/**
 * Compute left minus right for the layers and heads that both have, and for the means.
 * @param {any} difference of `commonHeader`
 * @param {any[]} maps of the left and the right side
 * @param {any[]} sides headers
 */
export function subtract(difference, [left, right], sides) {
  const names = prefixOf(commonHeader(sides));
  const [mine, theirs] = sides.map((side) => names.map((name) => prefixOf(side).indexOf(name)));
  const { rows, columns } = difference;
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) {
      const [a, b] = [left, right].map((maps) => [
        r === rows - 1 ? maps.rows - 1 : r,
        c === columns - 1 ? maps.columns - 1 : c,
      ]);
      const from = left.map(a[0], a[1]), other = right.map(b[0], b[1]), to = difference.map(r, c);
      for (let i = 0; i < to.length; i++) to[i] = differenceOf(from[i], other[i]);
      const masses = [left.massesOf(...a), right.massesOf(...b)], cell = r * columns + c;
      names.forEach((_, i) => {
        difference.masses[i * difference.cells + cell] = masses[0][mine[i]] - masses[1][theirs[i]];
      });
    }
  }
  return difference;
}

/**
 * Return the ends of the color scales for the cells of both sides, so that equal colors are equal weights.
 * Sides with other grids have their own: the share of a patch depends on its size.
 * @param {any[]} sides headers
 * @param {any[]} maps
 * @param {string} scale
 * @returns {Float32Array[]}
 */
export function sharedMaxima(sides, maps, scale) {
  const own = maps.map((one) => one.maxima(scale));
  if (!sameGrid(sides)) return own;
  return own.map((maxima, i) =>
    maxima.map((max, index) => {
      const { columns } = maps[i], cell = { r: Math.floor(index / columns), c: index % columns };
      const partner = partnerCell(cell, sides[i], sides[1 - i]);
      return partner ? Math.max(max, own[1 - i][partner.r * maps[1 - i].columns + partner.c]) : max;
    })
  );
}
