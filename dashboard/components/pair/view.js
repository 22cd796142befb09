// The pictures of both sides and of their difference, on the canvases of the page.

import { drawLarge, drawPicture, drawScale, paintImage, paintMap, paintSheet } from "../explorer/scene.js";
import { rootTable } from "../shared/colors.js";
import { CanvasPainter } from "../shared/paint.js";
import { typeScale } from "../shared/theme.js";

const BAR_HEIGHT = 9;
const NONE = { layer: -1, head: -1 }; // marks no cell

// Return what `drawGrid` needs of a side, or of the difference (2).
export function gridOf(pair, index) {
  const { theme, type, state, hoveredCell, cells } = pair;
  const header = index === 2 ? pair.common : pair.sides[index];
  const maps = index === 2 ? pair.difference : pair.maps[index];
  const cell = cells[index] ?? (index === 2 ? commonCell(pair) : null);
  const shown = cell ? { layer: cell.r, head: cell.c } : NONE;
  const hovered = hoveredCell ? cell : null;
  const chosen = hoveredCell && index === 0
    ? { layer: state.layer, head: state.head }
    : hoveredCell
    ? NONE
    : shown;
  return { maps, sheet: pair.sheets[index], header, state: chosen, theme, type, hoveredCell: hovered };
}

// Return the cell of the difference for the cells of both sides, or null.
function commonCell({ cells: [left, right], sides, common }) {
  if (!left || !right) return null;
  return {
    r: left.r === sides[0].layers ? common.layers : left.r,
    c: left.c === sides[0].heads ? common.heads : left.c,
  };
}

// Return the colors of the grid's scale of a side, or of the difference (2).
export function gridColors(pair, index) {
  const colors = index === 2 ? pair.diverging : pair.colors;
  return pair.state.scale === "root" ? rootTable(colors, index === 2) : colors;
}

// Paint all maps with a pixel for each value.
function paintSources(pair) {
  const { sides, state, maps, maxima, values, limits, colors } = pair, root = state.scale === "root";
  sides.forEach((header, i) => {
    if (pair.tokens[i] !== null) {
      paintSheet(pair.sheets[i], maps[i], header.side, maxima[i], colors, false, root);
    }
    if (values[i]) paintMap(pair.large[i], values[i], header.side, limits[i], colors);
    const map = state.overlay ? values[i] : null, mask = new Uint8Array(header.size ** 2);
    paintImage(pair.pictures[i], pair.images[i], header, mask, map, limits[i], pair.header.tint);
  });
  if (pair.why) return;
  const { difference, differenceMaxima, diverging, largeDifference, large } = pair, { side } = sides[0];
  paintSheet(pair.sheets[2], difference, side, differenceMaxima, diverging, true, root);
  if (largeDifference) paintMap(large[2], largeDifference, side, limits[2], diverging, true);
}

/** Draw the image of a side with its patches, the chosen one and the one under the pointer. */
export function drawSide(p, pair, i, width, zoom = 1) {
  const { sides, pictures, pinned, hovered, tokens, type } = pair;
  const state = { query: pinned[i], second: null }, hoveredToken = hovered ? tokens[i] : null;
  drawPicture(p, { header: sides[i], state, picture: pictures[i], hoveredToken, type }, width, zoom);
}

/** Draw a large map, or that of the difference (2). */
export function drawPairLarge(p, pair, index, width) {
  const header = pair.sides[index % 2], patches = pair.shownPatches;
  drawLarge(p, header, pair.large[index], width, pair.tokens[index % 2], patches && patches[index % 2]);
}

const widthOf = (element) => Math.max(20, Math.floor(element.clientWidth));

function drawBar(canvas, colors) {
  const width = widthOf(canvas);
  drawScale(new CanvasPainter(canvas, width, BAR_HEIGHT), colors, width, BAR_HEIGHT);
}

/** Draw everything on the canvases of the page. */
export function paintPair(pair) {
  const zoom = typeScale();
  paintSources(pair);
  pair.sections.forEach((section, index) => {
    const gone = index === 2 ? Boolean(pair.why) : pair.tokens[index] === null;
    section.classList.toggle("pair-without", gone);
    const large = section.querySelector(".pair-large");
    large.classList.toggle("pair-hidden", !(index === 2 ? pair.largeDifference : pair.values[index]));
    section.querySelector(".pair-range")?.classList.toggle("pair-hidden", !pair.values[index]);
    const image = section.querySelector(".pair-image");
    if (image) {
      const width = widthOf(image);
      drawSide(new CanvasPainter(image, width, width), pair, index, width, zoom);
    }
    if (gone) return;
    const width = widthOf(large);
    drawPairLarge(new CanvasPainter(large, width, width), pair, index, width);
    pair.grids[index].draw(gridOf(pair, index), zoom);
    const bars = section.querySelectorAll(".xp-scale");
    drawBar(bars[bars.length - 1], gridColors(pair, index));
    if (index === 2) drawBar(bars[0], pair.diverging);
  });
}
