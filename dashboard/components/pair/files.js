// The view as PNG, SVG or CSV.

import { drawGrid } from "../explorer/grid.js";
import { drawScale } from "../explorer/scene.js";
import { cellName } from "../explorer/words.js";
import { weightText } from "../shared/numbers.js";
import { savePainted } from "../shared/picture.js";
import { fileStem, saveCsv } from "../shared/save.js";
import { drawPairLarge, drawSide, gridColors, gridOf, pairPlan } from "./view.js";
import { differenceLabels, gridLabels, pairTitle, SIDES, sideTitle } from "./words.js";

const SQUARE = 220, SPACE = 20, HEAD = 60; // pixels
const ABOVE_GRID = SQUARE + 70;
const COLUMN = 2 * SQUARE + SPACE, GRID_HEIGHT = 330;

/**
 * Return the rows of the large maps: for each patch the weights of both sides, and their difference.
 * @param {any} pair
 */
export function pairRows({ sides, values, largeDifference, header }) {
  const titles = sides.map((side, i) => `${SIDES[i]}: ${sideTitle(side, header.versus)}`);
  const rows = [["row", "column", ...titles, "left minus right"]];
  const { side } = sides[0], agree = sides[1].side === side;
  for (let patch = 0; patch < side ** 2; patch++) {
    const right = agree ? values[1]?.[patch] : null;
    const numbers = [values[0]?.[patch], right, largeDifference?.[patch]];
    rows.push([Math.floor(patch / side) + 1, (patch % side) + 1, ...numbers]);
  }
  return rows;
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

// Return the height of the three grids: that of the highest, because a file does not scroll.
function gridHeightOf(pair) {
  const indices = pair.why ? [0, 1] : [0, 1, 2];
  return Math.max(GRID_HEIGHT, ...indices.map((i) => pairPlan(pair, i, COLUMN, GRID_HEIGHT).height));
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
      ? { colors: pair.diverging, labels: differenceLabels(limits[1]) }
      : { colors: pair.colors, labels: ["0", weightText(limits[0])] };
    p.moved(left, 36 + SQUARE, (q) => drawLabeled(q, scale.colors, SQUARE, scale.labels, type));
  }
  const grid = gridOf(pair, index), plan = pairPlan(pair, index, COLUMN, GRID_HEIGHT);
  p.moved(0, ABOVE_GRID, (q) => drawGrid(q, grid, plan));
  const maxima = index === 2 ? pair.differenceMaxima : pair.maxima[index];
  const labels = gridLabels({ state, maxima }, index === 2), below = ABOVE_GRID + gridHeight + 10;
  p.moved(0, below, (q) => drawLabeled(q, gridColors(pair, index), COLUMN, labels, type));
}

/**
 * Save both sides and the difference.
 * @param {any} pair that has drawn them
 * @param {string} format "png" or "svg"
 */
export function savePair(pair, format) {
  const { sides, theme, state, rollout } = pair, type = { ...pair.type, color: theme.text };
  const gridHeight = gridHeightOf(pair);
  const width = 3 * COLUMN + 4 * SPACE, height = HEAD + ABOVE_GRID + gridHeight + 60;
  const cell = rollout ? "Rollout" : cellName({ r: state.layer, c: state.head }, sides[0]);
  const runs = [...new Set(sides.map(({ run, step }) => (step ? `${run}, ${step}` : run)))].join(" and ");
  const size = [width, height];
  return savePainted(format, fileStem(`side by side ${sides[0].run}`), size, theme.background, (p) => {
    p.text(`${cell}. ${pairTitle(pair)}.`, SPACE, 22, { ...type, size: 15, weight: 600 });
    for (const index of [0, 1, 2]) {
      p.moved(
        SPACE + index * (COLUMN + SPACE),
        HEAD - 20,
        (q) => drawColumn(q, pair, index, gridHeight, type),
      );
    }
    p.text(`${runs}. Attention weights. ViT Lab.`, SPACE, height - 14, { ...type, size: 12 });
  });
}
