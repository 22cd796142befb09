// The explorer's view as PNG or SVG.

import { savePainted } from "../shared/picture.js";
import { fileStem } from "../shared/save.js";
import { drawGrid } from "./grid.js";
import { drawLarge, drawPicture, drawScale } from "./scene.js";
import { cellName, largeEnds, largeNames, scaleLabels, titleText } from "./words.js";

const SIDE = 320, LARGE = 256, BETWEEN = 24, TOP = 34; // pixels
const SCALE = 9; // height of a color scale

// Draw a color scale with its labels below, spread over its width.
function drawLabeledScale(p, colors, width, labels, type) {
  drawScale(p, colors, width, SCALE);
  labels.forEach((label, i) => {
    const share = labels.length < 2 ? 0 : i / (labels.length - 1);
    const align = ["left", "center", "right"][Math.round(2 * share)];
    p.text(label, share * width, SCALE + 10, { ...type, size: 11, align });
  });
}

/**
 * Return the panels of the saved view, from left to right: the image, the grid with its color scale, and each
 * large map with its own.
 * @param {any} explorer that has drawn them
 */
export function viewPanels(explorer) {
  const { header, plan, comparing, colors, scaleColors, large, tokens, shownMaps } = explorer;
  const cell = explorer.rollout ? "Rollout" : cellName(explorer.cell, header);
  const names = largeNames(explorer), ends = largeEnds(explorer);
  return [
    { title: header.name, width: SIDE, height: SIDE, draw: (p) => drawPicture(p, explorer, SIDE) },
    {
      title: titleText({ ...explorer, shown: explorer.shown, comparing }),
      width: plan.width,
      height: plan.height,
      draw: (p) => drawGrid(p, { ...explorer, maps: shownMaps }, plan),
      scale: { colors: scaleColors, labels: scaleLabels({ ...explorer, comparing }) },
    },
    ...names.map((name, i) => ({
      title: name ? `${cell}: ${name}` : cell,
      width: LARGE,
      height: LARGE,
      draw: (p) => drawLarge(p, header, large[i], LARGE, tokens[i], null),
      scale: { colors, labels: ["0", ends[i]] },
    })),
  ];
}

/**
 * Save the image, the grid and the large maps side by side.
 * @param {any} explorer that has drawn them
 * @param {string} format "png" or "svg"
 */
export function saveView(explorer, format) {
  const { header, theme } = explorer, panels = viewPanels(explorer);
  const width = panels.reduce((sum, panel) => sum + panel.width + BETWEEN, 0);
  const height = TOP + Math.max(...panels.map((panel) => panel.height)) + 72;
  const type = { ...explorer.type, color: theme.text };
  const step = header.step ? `, ${header.step}` : "";
  const foot = `${header.run}${step}. Attention weights. ViT Lab.`;
  return savePainted(format, fileStem(`attention ${header.run}`), [width, height], theme.background, (p) => {
    let left = BETWEEN / 2;
    for (const { title, width: wide, height: high, draw, scale } of panels) {
      p.text(title, left, 18, { ...type, size: 13, weight: 600 });
      p.moved(left, TOP, draw);
      const drawBar = (q) => drawLabeledScale(q, scale.colors, Math.min(wide, SIDE), scale.labels, type);
      if (scale) p.moved(left, TOP + high + 8, drawBar);
      left += wide + BETWEEN;
    }
    p.text(foot, BETWEEN / 2, height - 14, { ...type, size: 12 });
  });
}
