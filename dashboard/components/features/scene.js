// The pictures of the view: a map of every point of the residual stream, and the chosen one enlarged. Both
// painters can draw them.

import { paintMap } from "../explorer/scene.js";

const SPACE = 8; // pixels between maps
const CAPTION = 19; // height of the label above a map
const LEAST = 26; // width of a map, below which the grid scrolls
const WORD = 6.6; // mean width of a character in an empty map

/**
 * Return the layout of `count` maps in a box of w x h pixels, row by row. All lengths are in units of `zoom`
 * pixels.
 * @returns {{ unit: number, columns: number, zoom: number, width: number, height: number,
 *   cells: { index: number, left: number, top: number }[] }}
 */
export function featuresPlan(count, w, h, zoom = 1) {
  let unit = LEAST, columns = Math.max(1, Math.floor((w - 4) / (LEAST + SPACE)));
  for (let tried = 1; tried <= count; tried++) {
    const rows = Math.ceil(count / tried);
    const fits = Math.floor(Math.min((w - 4) / tried - SPACE, (h - 4) / rows - SPACE - CAPTION));
    if (fits > unit) [unit, columns] = [fits, tried];
  }
  const cells = Array.from({ length: count }, (_, index) => ({
    index,
    left: 4 + (index % columns) * (unit + SPACE),
    top: CAPTION + Math.floor(index / columns) * (unit + SPACE + CAPTION),
  }));
  const rows = Math.ceil(count / columns);
  const width = 4 + Math.min(count, columns) * (unit + SPACE), height = rows * (unit + SPACE + CAPTION) + 2;
  return { unit, columns, zoom, width, height, cells };
}

/** Return the index of the map at a point of the canvas, or null. */
export function featuresCellUnder({ cells, unit, zoom }, x, y) {
  const inside = (at, from) => at / zoom >= from - 3 && at / zoom < from + unit + 3;
  return cells.find(({ left, top }) => inside(x, left) && inside(y, top))?.index ?? null;
}

/**
 * Return the ends of the color scale of a map [low, high].
 * @param {ArrayLike<number>} values of the patches
 * @param {string} feature "similarity" or "norm"
 * @param {number[] | null} shared ends, or null for those of this map
 */
export function spanOf(values, feature, shared) {
  if (shared) return shared;
  let low = Infinity, high = -Infinity;
  for (let i = 0; i < values.length; i++) {
    low = Math.min(low, values[i]);
    high = Math.max(high, values[i]);
  }
  return feature === "norm" ? [0, high] : [low, high];
}

/**
 * Paint the values of the patches with a pixel each, from `low` to `high`. `signed`: with the diverging
 * colors, whose middle is 0.
 */
export function paintValues(canvas, values, side, limits, { colors, diverging }, signed) {
  const [low, high] = limits;
  if (signed) return paintMap(canvas, values, side, high, diverging, true);
  paintMap(canvas, Float32Array.from(values, (v) => v - low), side, Math.max(high - low, 1e-9), colors);
}

/** Paint the colors of the patches [N, 3] with a pixel each. */
export function paintColors(canvas, colors, side) {
  canvas.width = canvas.height = side;
  const ctx = canvas.getContext("2d"), data = ctx.createImageData(side, side);
  for (let i = 0; i < side * side; i++) {
    data.data.set(colors.subarray(3 * i, 3 * i + 3), 4 * i);
    data.data[4 * i + 3] = 255;
  }
  ctx.putImageData(data, 0, 0);
}

/**
 * Draw all maps with their labels. `sources`: a canvas for each, or null where the features are not loaded.
 * `absent`: words for such a map, of which the first that fits is drawn.
 */
export function drawFeatureGrid(p, { sources, labels, absent, index, hoveredIndex, theme, type }, plan) {
  const { unit } = plan;
  for (const { index: at, left, top } of plan.cells) {
    const style = { ...type, size: 12, color: theme.faint, align: "center" };
    p.text(labels[at], left + unit / 2, top - CAPTION / 2 - 1, style);
    const source = sources[at];
    if (source) p.pixels(source, 0, 0, source.width, source.height, left, top, unit, unit);
    else {
      p.rect(left + 0.5, top + 0.5, unit - 1, unit - 1, { stroke: theme.track, dash: [3, 3] });
      const words = absent.find((text) => WORD * text.length < unit);
      if (words) p.text(words, left + unit / 2, top + unit / 2, style);
    }
    if (at === index) p.rect(left - 2.5, top - 2.5, unit + 5, unit + 5, { stroke: theme.mark, line: 3 });
    else if (at === hoveredIndex) {
      p.rect(left - 1.5, top - 1.5, unit + 3, unit + 3, { stroke: theme.text, line: 1.5 });
    }
  }
}
