// The grid of maps: layer by layer, or the heads in the order of a measure, in groups with a heading.

import { hasCls } from "../shared/tokens.js";

const GAP = 6, SMALL_GAP = 3; // pixels between maps, and between small ones
const MEAN_GAP = 5; // additional gap between the maps and their means
const BESIDE = 8; // between the label of a layer and its first map
const EDGE = 2; // to the left of the labels of layers
const AROUND = 12; // above and below a map that is scrolled to, with its frame and its bar
const BEYOND = 12; // to the right of the means, whose label is wider than small maps
const FOLDS_FOR = 1.2; // times larger maps, the layers continue in another column
const NEARLY = 0.7; // of the side in one column, maps in more columns may have, so that the grid scrolls less
const BAR = 3; // height of the bar below each map: the weights of CLS and of other tokens before the patches
const LABEL = 13; // height of a line of small text
const NAME = LABEL + 2; // height of the name above an ordered map, which its frame must not cover
const ROW_GAP = 8; // between a value and the name below it
const LETTER = 6.6; // mean width of a character
const HEADING = 20; // height of the heading of a group
const READABLE = 26; // width of the maps in rows that scroll anyway
const APART = 3; // least distance between texts in a row: a little more than the width of a space
const SMALLEST = 26; // width of an ordered map, below which its texts would overlap

/**
 * The layout of the grid. All lengths are in units of `zoom` pixels.
 * @typedef {{ r: number, c: number, left: number, top: number }} Cell
 * @typedef {{ text: string, x: number, y: number, align: string, heading?: boolean }} Text
 * @typedef {{ unit: number, gap: number, cells: Cell[], texts: Text[], zoom: number, width: number,
 *   height: number, headHeight: number, at: (r: number, c: number) => [number, number] | null }} Plan
 */

// Estimate the width of a text where no canvas measures it.
const widthOfText = (text) => 6 * text.length;

/**
 * Return the layout of the maps in a box of w x h pixels: ordered by a measure if there is one.
 * @param {any} maps
 * @param {any} measure with `groups` and `tiles`, see dashboard/attention/head_order.py, or null
 * @param {(text: string) => number} widthOf returns the width of a text of 12 pixels, see `textWidths`
 * @returns {Plan} `headHeight` is the height of the row with the numbers of the heads, or 0 without one
 */
export function gridPlan(maps, w, h, zoom = 1, measure = null, widthOf = widthOfText) {
  return measure ? orderedPlan(maps, measure, w, h, zoom) : layeredPlan(maps, w, h, zoom, widthOf);
}

// The maps of a layer in a row. The last row has the means, like the last column. Many layers with few heads
// continue in another column.
function layeredPlan(maps, w, h, zoom, widthOf) {
  const bar = maps.first ? BAR + 2 : 0;
  const side = EDGE + Math.ceil(Math.max(widthOf(`layer ${maps.rows - 1}`), widthOf("mean"))) + BESIDE;
  const inBlocks = (blocks, least) => layersFit(maps, w, h, bar, side, blocks, least);
  // Return the layout with the largest maps. Another column must make them larger.
  const fitted = () => {
    let best = inBlocks(1, 0);
    for (let blocks = 2; blocks < maps.rows; blocks++) {
      const next = inBlocks(blocks, 0);
      if (next.unit >= FOLDS_FOR * best.unit) best = next;
    }
    return best;
  };
  // Return the layout that scrolls least. Another column may make the maps a little smaller.
  const scrolled = (least) => {
    let best = inBlocks(1, least);
    const enough = Math.min(best.unit, NEARLY * best.high);
    for (let blocks = 2; blocks < maps.rows && best.tall > h; blocks++) {
      const next = inBlocks(blocks, least);
      if (next.unit >= enough) best = next;
    }
    return best;
  };
  const patches = Math.sqrt(maps.patches ?? 0); // in a row: a pixel for each, if the width has room
  const fitting = fitted(), best = fitting.high < patches ? scrolled(patches) : fitting;
  const { gap, layers } = best, unit = Math.max(10, best.unit);
  const wide = maps.columns * (unit + gap) + MEAN_GAP + side; // of a block of layers
  const last = maps.rows - 1;
  const place = (r, c) => {
    const block = Math.min(Math.floor(r / layers), Math.ceil(last / layers) - 1); // the means are in the last
    return [
      block * wide + side + c * (unit + gap) + (c === maps.columns - 1 ? MEAN_GAP : 0),
      LABEL + 4 + (r - block * layers) * (unit + gap + bar) + (r === last ? MEAN_GAP : 0),
    ];
  };
  const cells = [], texts = [];
  const heads = maps.columns - 1;
  const spelled = unit > 44 && widthOf(`head ${heads}`) + APART <= unit + gap;
  const nameOf = (c) => c === heads ? "mean" : spelled ? `head ${c + 1}` : String(c + 1);
  const step = Math.ceil((widthOf(nameOf(heads - 1)) + APART) / (unit + gap)); // so that they do not overlap
  // Return the distance that is lacking between the text of a head and that of the mean.
  const lacking = (c) =>
    (widthOf(nameOf(c)) + widthOf("mean")) / 2 + APART - (heads - c) * (unit + gap) - MEAN_GAP;
  const needed = Math.max(0, lacking(heads - 1)), room = BEYOND - Math.max(0, widthOf("mean") - unit) / 2;
  const moved = needed <= room ? needed : 0; // the text of the mean, to the right
  for (let r = 0; r < last; r += layers) {
    const y = LABEL / 2 + 1;
    if (!spelled) texts.push({ text: "head", x: place(r, 0)[0] - BESIDE, y, align: "right" });
    for (let c = 0; c <= heads; c++) {
      if (c < heads && (c % step || lacking(c) > moved)) continue;
      const x = place(r, c)[0] + unit / 2 + (c === heads ? moved : 0);
      texts.push({ text: nameOf(c), x, y, align: "center" });
    }
  }
  for (let r = 0; r <= last; r++) {
    for (let c = 0; c < maps.columns; c++) {
      const [x, y] = place(r, c);
      cells.push({ r, c, left: x, top: y });
    }
    const mean = r === last;
    if (!mean && r % (unit < 14 ? 2 : 1)) continue;
    const text = mean ? "mean" : `layer ${r + 1}`;
    const [x, y] = place(r, 0);
    texts.push({ text, x: x - BESIDE, y: y + unit / 2, align: "right" });
  }
  const right = Math.max(...cells.map(({ left }) => left));
  const bottom = Math.max(...cells.map(({ top }) => top));
  const [width, height] = [right + unit + BEYOND, bottom + unit + bar + Math.min(4, gap)];
  return planOf(cells, texts, unit, zoom, width, height, gap, LABEL);
}

// Return the side of maps that fit if the layers are in this many blocks beside each other, the side that
// only the height allows, the number of layers in a block, the gap between maps, and the height of the grid.
// With `least`, maps may have this side although the grid is then higher than the box.
function layersFit(maps, w, h, bar, side, blocks, least) {
  const layers = Math.ceil((maps.rows - 1) / blocks), shown = Math.ceil((maps.rows - 1) / layers);
  const rows = Math.max(layers, maps.rows - (shown - 1) * layers);
  const fit = (gap) => {
    const wide = ((w + gap - BEYOND) / shown - side - MEAN_GAP) / maps.columns - gap;
    const high = least ? Math.max(least, READABLE) : (h - LABEL - 4 - MEAN_GAP) / rows - gap - bar;
    const unit = Math.floor(Math.min(wide, high)), tall = LABEL + 4 + MEAN_GAP + rows * (unit + gap + bar);
    return { unit, high, layers, gap, tall };
  };
  const usual = fit(GAP);
  return least || usual.unit >= READABLE ? usual : fit(SMALL_GAP);
}

// Return the number of columns with the largest maps that fit, or null if they are too small. `around` is the
// height of the texts of a row.
function largestFit(groups, w, h, around) {
  const count = Math.max(...groups.map(({ heads }) => heads.length));
  let best = null;
  for (let columns = 1; columns <= count; columns++) {
    const rows = groups.reduce((n, { heads }) => n + Math.ceil(heads.length / columns), 0);
    const high = (h - groups.length * HEADING - 4) / rows - around;
    const unit = Math.floor(Math.min((w - 4) / columns - GAP, high));
    if (unit >= (best?.unit ?? SMALLEST)) best = { columns, unit };
  }
  return best;
}

// Return how to name the layer and the head of each map so that all names fit into `width` pixels, or null.
// A name such as "2.5" would look like a value.
function longestName(heads, width) {
  const ways = [" ", ""].map((space) => (r, c) => `L${r + 1}${space}H${c + 1}`);
  return ways.find((nameOf) => heads.every(([r, c]) => LETTER * nameOf(r, c).length <= width)) ?? null;
}

// The maps of a measure flow from left to right. Each has its value below it, and the layer and the head
// above it, if there is enough space for them. The grid scrolls if the maps do not fit without their names.
function orderedPlan(maps, { groups, tiles, unit: ofValues }, w, h, zoom) {
  const under = LABEL + (maps.first ? BAR + 2 : 0), withoutNames = under + ROW_GAP;
  const named = largestFit(groups, w, h, withoutNames + NAME);
  const scrolling = { columns: Math.max(1, Math.floor((w - 4) / (SMALLEST + GAP))), unit: SMALLEST };
  const unnamed = named ? null : largestFit(groups, w, h, withoutNames);
  const { columns, unit } = named ?? unnamed ?? scrolling, above = unnamed ? 2 : NAME;
  const around = withoutNames + above, cells = [], texts = [];
  const longest = Math.max(...tiles.flat().map((text) => text.length)) + ofValues.length;
  const nameOf = longestName(groups.flatMap(({ heads }) => heads), unit + GAP);
  const suffix = unit + GAP >= LETTER * longest ? ofValues : ""; // the headings have the unit, too
  let y = 0;
  for (const { label, heads } of groups) {
    texts.push({
      text: `${label}: ${heads.length} ${heads.length === 1 ? "head" : "heads"}`,
      x: 3,
      y: y + HEADING / 2 - 1,
      align: "left",
      heading: true,
    });
    y += HEADING;
    heads.forEach(([r, c], i) => {
      const left = 3 + (i % columns) * (unit + GAP);
      const top = y + Math.floor(i / columns) * (unit + around) + above;
      const x = left + unit / 2;
      cells.push({ r, c, left, top });
      if (!unnamed && nameOf) texts.push({ text: nameOf(r, c), x, y: top - NAME / 2 - 2, align: "center" });
      texts.push({ text: tiles[r][c] + suffix, x, y: top + unit + under - LABEL / 2 + 1, align: "center" });
    });
    y += Math.ceil(heads.length / columns) * (unit + around) - GAP;
  }
  const most = Math.max(...groups.map(({ heads }) => heads.length));
  return planOf(cells, texts, unit, zoom, 3 + Math.min(columns, most) * (unit + GAP), y + 4);
}

function planOf(cells, texts, unit, zoom, width, height, gap = GAP, headHeight = 0) {
  const places = new Map(cells.map(({ r, c, left, top }) => [`${r}.${c}`, [left, top]]));
  const at = (r, c) => places.get(`${r}.${c}`) ?? null;
  return { unit, gap, cells, texts, zoom, width, height, headHeight, at };
}

/**
 * Return how far the area of a grid must be scrolled down to show the chosen map, in pixels. The row
 * with the numbers of the heads stays above the maps.
 * @param {Plan} plan
 * @param {{ layer: number, head: number }} chosen
 * @param {{ scrollTop: number, clientHeight: number }} area
 */
export function scrollFor({ at, unit, zoom, headHeight }, { layer, head }, { scrollTop, clientHeight }) {
  const place = at(layer, head);
  if (!place) return scrollTop;
  const [top, bottom] = [zoom * (place[1] - headHeight - AROUND), zoom * (place[1] + unit + AROUND)];
  return Math.min(Math.max(scrollTop, bottom - clientHeight), Math.max(0, top));
}

// Return the cell of the grid at a point, or null.
export function cellUnder(plan, px, py) {
  [px, py] = [px / plan.zoom, py / plan.zoom];
  const { unit } = plan, beside = plan.gap / 2;
  const found = plan.cells.find(({ left, top }) =>
    px >= left - beside && px < left + unit + beside && py >= top - beside && py < top + unit + 5
  );
  return found ? { r: found.r, c: found.c } : null;
}

// Draw these texts of the plan.
function drawTexts(p, { theme, type }, texts) {
  for (const { text, x, y, align, heading } of texts) {
    const style = heading ? { size: 13, weight: 600, color: theme.text } : { size: 12, color: theme.faint };
    p.text(text, x, y, { ...type, ...style, align });
  }
}

// Draw the row with the numbers of the heads alone, on the color of the page: maps may scroll below it.
export function drawHead(p, grid, plan) {
  p.rect(0, 0, plan.width, plan.headHeight, { fill: grid.theme.background });
  drawTexts(p, grid, plan.texts.filter(({ y }) => y < plan.headHeight));
}

export function drawGrid(p, grid, plan) {
  const { maps, sheet, header, state, theme, hoveredCell } = grid, side = header.side, { unit } = plan;
  drawTexts(p, grid, plan.texts);
  for (const { r, c, left, top } of plan.cells) {
    p.pixels(sheet, c * side, r * side, side, side, left, top, unit, unit);
    if (!maps.first) continue;
    const masses = maps.massesOf(r, c).map(Math.abs), own = hasCls(header) ? masses[0] : 0;
    const all = Math.min(1, masses.reduce((a, b) => a + b, 0)), y = top + unit + 2;
    p.rect(left, y, unit, BAR, { fill: theme.track });
    if (all > own) p.rect(left, y, unit * all, BAR, { fill: theme.faint }); // registers, to the right of CLS
    p.rect(left, y, unit * Math.min(1, own), BAR, { fill: theme.text });
  }
  const chosen = plan.at(state.layer, state.head); // none for a mean among ordered heads
  if (chosen) p.rect(chosen[0] - 2.5, chosen[1] - 2.5, unit + 5, unit + 5, { stroke: theme.mark, line: 3 });
  const hovered = hoveredCell && plan.at(hoveredCell.r, hoveredCell.c);
  if (hovered) {
    p.rect(hovered[0] - 1.5, hovered[1] - 1.5, unit + 3, unit + 3, { stroke: theme.text, line: 1.5 });
  }
}
