// The view as PNG, SVG or CSV.

import { drawGrid, gridPlan } from "../explorer/grid.js";
import { drawScale } from "../explorer/scene.js";
import { cellName } from "../explorer/words.js";
import { weightText } from "../shared/numbers.js";
import { textWidths } from "../shared/paint.js";
import { savePainted } from "../shared/picture.js";
import { fileStem, saveCsv } from "../shared/save.js";
import { sameGrid } from "./difference.js";
import { drawPairLarge, drawSide, gridColors, gridOf } from "./view.js";
import { differenceLabels, gridLabels, linesOf, pairTitle, SIDES, sideTitle } from "./words.js";

const SQUARE = 220, SPACE = 20, HEAD = 60; // pixels
const ABOVE_GRID = SQUARE + 70;
const COLUMN = 2 * SQUARE + SPACE, GRID_HEIGHT = 330;
const NOTE_LETTER = 6.4, LINE = 18; // mean width of a character of the notes, height of their lines

// Return the row and the column of each patch of a side.
const placesOf = ({ side }) =>
  Array.from({ length: side ** 2 }, (_, patch) => [Math.floor(patch / side) + 1, (patch % side) + 1]);

/**
 * Return the rows of the large maps: for each patch the weights of both sides, and their difference. If the
 * sides have other patches, those of the left side come first.
 * @param {any} pair
 */
export function pairRows({ sides, values, largeDifference, header }) {
  const titles = sides.map((side, i) => `${SIDES[i]}: ${sideTitle(side, header.versus)}`);
  if (!sameGrid(sides)) {
    const rows = sides.map((side, i) =>
      placesOf(side).map((place, patch) => [titles[i], ...place, values[i]?.[patch]])
    );
    return [["side", "row", "column", "weight"], ...rows.flat()];
  }
  const rows = placesOf(sides[0]).map((
    place,
    patch,
  ) => [...place, values[0]?.[patch], values[1]?.[patch], largeDifference?.[patch]]);
  return [["row", "column", ...titles, "left minus right"], ...rows];
}

export function savePairCsv(pair) {
  saveCsv(pairRows(pair), fileStem(`side by side ${pair.sides[0].run}`));
}

function drawLabeled(p, colors, width, labels, type) {
  drawScale(p, colors, width, 9);
  labels.forEach((label, i) => {
    const share = labels.length < 2 ? 0 : i / (labels.length - 1);
    p.text(label, share * width, 19, {
      ...type,
      size: 11,
      align: ["left", "center", "right"][Math.round(2 * share)],
    });
  });
}

const layoutOf = (pair, index) =>
  gridPlan(gridOf(pair, index).maps, COLUMN, GRID_HEIGHT, 1, null, textWidths(pair.type.font));

// Return the height of the three grids: that of the highest, because a file does not scroll.
function gridHeightOf(pair) {
  const indices = pair.why ? [0, 1] : [0, 1, 2];
  return Math.max(GRID_HEIGHT, ...indices.map((i) => layoutOf(pair, i).height));
}

// Draw one of the three columns: the image and the large map above the grid of this height.
function drawColumn(p, pair, index, gridHeight, type) {
  const { sides, header, why, limits, state } = pair;
  const title = index === 2 ? "Left minus right" : sideTitle(sides[index], header.versus);
  p.text(title, 0, 14, { ...type, size: 14, weight: 600 });
  const gone = index === 2 ? why : pair.tokens[index] === null;
  if (index < 2) p.moved(0, 30, (q) => drawSide(q, pair, index, SQUARE));
  else if (why) p.text(why, 0, 40, { ...type, size: 12 });
  if (gone) return;
  const left = index === 2 ? 0 : SQUARE + SPACE;
  const has = index === 2 ? pair.largeDifference : pair.values[index];
  if (has) p.moved(left, 30, (q) => drawPairLarge(q, pair, index, SQUARE));
  if (has) {
    const scale = index === 2
      ? { colors: pair.diverging, labels: differenceLabels(limits[2]) }
      : { colors: pair.colors, labels: ["0", weightText(limits[index])] };
    p.moved(left, 36 + SQUARE, (q) => drawLabeled(q, scale.colors, SQUARE, scale.labels, type));
  }
  const grid = gridOf(pair, index), plan = layoutOf(pair, index);
  p.moved(0, ABOVE_GRID, (q) => drawGrid(q, grid, plan));
  const maxima = index === 2 ? pair.differenceMaxima : pair.maxima[index];
  const labels = gridLabels({ state, sides, maxima }, index === 2), below = ABOVE_GRID + gridHeight + 10;
  p.moved(0, below, (q) => drawLabeled(q, gridColors(pair, index), COLUMN, labels, type));
}

/**
 * Save both sides and the difference.
 * @param {any} pair that has drawn them
 * @param {string} format "png" or "svg"
 */
export function savePair(pair, format) {
  const { sides, header, theme, state, rollout, why } = pair, type = { ...pair.type, color: theme.text };
  const gridHeight = gridHeightOf(pair), columns = sameGrid(sides) ? [0, 1, 2] : [0, 1];
  const width = columns.length * (COLUMN + SPACE) + SPACE;
  const sentences = [sameGrid(sides) ? "" : why, ...header.notes].filter(Boolean).join(" ");
  const notes = sentences ? linesOf(sentences, (width - 2 * SPACE) / NOTE_LETTER) : [];
  const height = HEAD + ABOVE_GRID + gridHeight + 60 + LINE * notes.length;
  const cell = rollout ? "Rollout" : cellName({ r: state.layer, c: state.head }, sides[0]);
  const runs = [...new Set(sides.map(({ run, step }) => (step ? `${run}, ${step}` : run)))].join(" and ");
  const size = [width, height];
  return savePainted(format, fileStem(`side by side ${sides[0].run}`), size, theme.background, (p) => {
    p.text(`${cell}. ${pairTitle(pair)}.`, SPACE, 22, { ...type, size: 15, weight: 600 });
    for (const index of columns) {
      p.moved(
        SPACE + index * (COLUMN + SPACE),
        HEAD - 20,
        (q) => drawColumn(q, pair, index, gridHeight, type),
      );
    }
    const foot = height - 14, small = { ...type, size: 12 };
    notes.forEach((line, i) => p.text(line, SPACE, foot - LINE * (notes.length - i), small));
    p.text(`${runs}. Attention weights. ViT Lab.`, SPACE, foot, small);
  });
}
