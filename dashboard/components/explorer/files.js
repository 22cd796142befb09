// The link of the explorer's view, and the view as PNG or SVG.

import { savePainted } from "../shared/picture.js";
import { fileStem } from "../shared/save.js";
import { showMessage } from "./panels.js";
import { drawGrid, drawLarge, drawPicture } from "./scene.js";

export async function copyLink(root, header) {
  const note = header.own ? " It does not contain your own image." : "";
  try {
    await navigator.clipboard.writeText(window.location.href);
    showMessage(root, `Link copied.${note}`);
  } catch {
    showMessage(root, `Copy the address of this page.${note}`);
  }
}

/**
 * Save the image, the grid and the large map side by side.
 * @param {any} explorer that has drawn them
 * @param {string} format "png" or "svg"
 */
export function saveView(explorer, format) {
  const { root, header, plan, theme, large, tokens, shownMaps } = explorer;
  const side = 320, gap = 24, top = 34, textOf = (selector) => root.querySelector(selector).textContent;
  const width = side + plan.width + side * 0.8 + 2 * gap + 24,
    height = top + Math.max(side, plan.height) + 40;
  const type = { ...explorer.type, color: theme.text };
  const parts = [
    [12, header.name, (q) => drawPicture(q, explorer, side)],
    [12 + side + gap, textOf(".xp-title"), (q) => drawGrid(q, { ...explorer, maps: shownMaps }, plan)],
    [
      12 + side + 2 * gap + plan.width,
      textOf(".xp-large-title"),
      (q) => drawLarge(q, header, large[0], side * 0.8, tokens[0], null),
    ],
  ];
  const scale = [...root.querySelector(".xp-scale-labels").children].map((e) => e.textContent).join(" … ");
  const step = header.step ? `, ${header.step}` : "";
  const foot = `${header.run}${step}. Attention weights: ${scale}. ViT Lab.`;
  return savePainted(format, fileStem(`attention ${header.run}`), [width, height], theme.background, (p) => {
    for (const [left, title, draw] of parts) {
      p.text(title, left, 18, { ...type, size: 13, weight: 600 });
      p.moved(left, top, draw);
    }
    p.text(foot, 12, height - 16, { ...type, size: 12 });
  });
}
