// The explorer's view to take along: its link, and its pictures as PNG and SVG.

import { savePainted } from "../shared/picture.js";
import { fileStem } from "../shared/save.js";
import { showMessage } from "./panels.js";
import { drawGrid, drawLarge, drawPicture } from "./scene.js";

export async function copyLink(root, header) {
  const own = header.own ? " Your own image is not part of it." : "";
  try {
    await navigator.clipboard.writeText(window.location.href);
    showMessage(root, `The link is copied.${own}`);
  } catch {
    showMessage(root, `Copy the address of this page.${own}`);
  }
}

// The image, the grid and the large map side by side. `explorer`: what it has drawn last.
export function saveView(explorer, format) {
  const { root, header, plan, look, large, tokens, shownMaps } = explorer;
  const side = 320, gap = 24, top = 34, written = (selector) => root.querySelector(selector).textContent;
  const width = side + plan.width + side * 0.8 + 2 * gap + 24,
    height = top + Math.max(side, plan.height) + 40;
  const type = { ...explorer.type, color: look.text };
  const parts = [
    [12, header.name, (q) => drawPicture(q, explorer, side)],
    [12 + side + gap, written(".xp-what"), (q) => drawGrid(q, { ...explorer, maps: shownMaps }, plan)],
    [
      12 + side + 2 * gap + plan.width,
      written(".xp-which"),
      (q) => drawLarge(q, header, large[0], side * 0.8, tokens[0], null),
    ],
  ];
  const scale = [...root.querySelector(".xp-ends").children].map((e) => e.textContent).join(" … ");
  const step = header.step ? `, ${header.step}` : "";
  const foot = `${header.run}${step}. Attention weights: ${scale}. ViT Lab.`;
  return savePainted(format, fileStem(`attention ${header.run}`), [width, height], look.background, (p) => {
    for (const [left, title, draw] of parts) {
      p.text(title, left, 18, { ...type, size: 13, weight: 600 });
      p.moved(left, top, draw);
    }
    p.text(foot, 12, height - 16, { ...type, size: 12 });
  });
}
