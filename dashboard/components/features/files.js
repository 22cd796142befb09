// The view as PNG, SVG or CSV.

import { drawPicture, drawScale } from "../explorer/scene.js";
import { savePainted } from "../shared/picture.js";
import { fileStem, saveCsv } from "../shared/save.js";
import { prefixLabel, prefixOf } from "../shared/tokens.js";
import { pointsOf } from "./data.js";
import { barColors, describedView, drawFeatureLarge } from "./panels.js";
import { drawFeatureGrid, featuresPlan } from "./scene.js";
import { componentLabels, featuresTitle, pointName, spanLabels } from "./words.js";

const SQUARE_SIDE = 320, GRID_WIDE = 620, APART = 24, ABOVE = 34; // pixels

/**
 * Return the rows of the enlarged map: the value of each token, or the three components of each patch.
 * @param {any} view
 */
export function featureRows(view) {
  const { header, state, values, features, index } = view, { first, side, tokens } = header;
  const names = prefixOf(header).map(prefixLabel), found = features.get(index);
  const placeOf = (token) => {
    const patch = token - first;
    return token < first
      ? [names[token], "", ""]
      : ["patch", Math.floor(patch / side) + 1, (patch % side) + 1];
  };
  const at = ["token", "row", "column"];
  if (state.feature === "components") {
    const rows = [[...at, "component 1", "component 2", "component 3"]];
    for (let patch = 0; patch < tokens - first && found; patch++) {
      const parts = [...found.colors.subarray(3 * patch, 3 * patch + 3)].map((v) => +(v / 255).toFixed(4));
      rows.push([...placeOf(first + patch), ...parts]);
    }
    return rows;
  }
  const rows = [[...at, state.feature === "norm" ? "norm" : "cosine similarity"]];
  values?.forEach((v, token) => rows.push([...placeOf(token), +v.toPrecision(5)]));
  return rows;
}

const titled = (view) => `${featuresTitle(describedView(view))}. ${pointName(view.index, view.header)}`;

export function saveFeaturesCsv(view) {
  saveCsv(featureRows(view), fileStem(`features ${titled(view)}`));
}

/**
 * Save the image, the maps of all points and the enlarged one.
 * @param {any} view that has drawn them
 * @param {string} format "png" or "svg"
 */
export function saveFeatures(view, format) {
  const { header, theme, state, sources } = view, about = describedView(view);
  const type = { ...view.type, color: theme.text }, size = { ...type, size: 13, weight: 600 };
  const plan = featuresPlan(pointsOf(header), GRID_WIDE, SQUARE_SIDE);
  const width = 2 * SQUARE_SIDE + plan.width + 3 * APART;
  const height = ABOVE + Math.max(SQUARE_SIDE, plan.height) + 72;
  const labels = state.feature === "components"
    ? componentLabels(about.shares ?? [0, 0, 0])
    : spanLabels(about);
  const grid = {
    sources,
    labels: about.labels,
    absent: ["not loaded"],
    index: state.index,
    hoveredIndex: null,
    theme,
    type,
  };
  return savePainted(format, fileStem(`features ${header.run}`), [width, height], theme.background, (p) => {
    const middle = APART / 2 + SQUARE_SIDE + APART, right = middle + plan.width + APART;
    const chosen = { query: state.query, second: null };
    p.text(header.name, APART / 2, 18, size);
    p.moved(
      APART / 2,
      ABOVE,
      (q) =>
        drawPicture(
          q,
          { header, state: chosen, picture: view.picture, hoveredToken: null, type },
          SQUARE_SIDE,
        ),
    );
    p.text(featuresTitle(about), middle, 18, size);
    p.moved(middle, ABOVE, (q) => drawFeatureGrid(q, grid, plan));
    p.text(pointName(view.index, header), right, 18, size);
    p.moved(right, ABOVE, (q) => drawFeatureLarge(q, view, SQUARE_SIDE));
    p.moved(middle, height - 62, (q) => {
      if (state.feature !== "components") drawScale(q, barColors(view), SQUARE_SIDE, 9);
      labels.forEach((text, i) => {
        const share = labels.length < 2 ? 0 : i / (labels.length - 1), edge = i ? "right" : "left";
        const align = labels.length > 2 ? "left" : edge,
          step = labels.length > 2 ? 200 * i : share * SQUARE_SIDE;
        q.text(text, step, 20, { ...type, size: 11, align });
      });
    });
    p.text(`${header.run}. Features of the residual stream. ViT Lab.`, APART / 2, height - 14, {
      ...type,
      size: 12,
    });
  });
}
