// The place of the steps in the block: a line above their buttons for the residual stream, with its two
// branches.

import { CanvasPainter } from "../shared/paint.js";
import { typeScale } from "../shared/theme.js";

const BRANCHES = [[0, 6], [7, 8]]; // first step of each branch, and the step of its sum

/**
 * Add the canvas above the buttons of the steps.
 * @param {HTMLElement} root
 */
export function addFlow(root) {
  const canvas = Object.assign(document.createElement("canvas"), { className: "inside-flow" });
  canvas.setAttribute("aria-hidden", "true");
  root.querySelector("ol").before(canvas);
}

/**
 * Draw the residual stream above the buttons of the steps, unless these take several rows.
 * @param {HTMLElement} root
 * @param {number} step
 * @param {any} theme
 */
export function drawFlow(root, step, theme) {
  const canvas = /** @type {HTMLCanvasElement} */ (root.querySelector(".inside-flow"));
  const buttons = /** @type {HTMLElement[]} */ ([...root.querySelectorAll("ol button")]);
  const oneRow = buttons[0].offsetTop === buttons.at(-1).offsetTop;
  canvas.style.display = oneRow ? "block" : "none";
  if (!oneRow || !canvas.clientWidth) return;
  const left = canvas.getBoundingClientRect().left, bottom = canvas.clientHeight;
  const zoom = typeScale(), y = 7 * zoom, r = 5.5 * zoom;
  const middles = buttons.map((button) => {
    const box = button.getBoundingClientRect();
    return box.left - left + box.width / 2;
  });
  const p = new CanvasPainter(canvas, canvas.clientWidth, bottom);
  const line = { stroke: theme.faint, line: 1.5 }, thin = { stroke: theme.text, line: 1.2 };
  p.segment(0, y, middles.at(-1), y, line);
  p.segment(middles.at(-1), y, middles.at(-1), bottom, line);
  for (const [from, to] of BRANCHES) {
    const sum = middles[to];
    p.segment(middles[from], y, middles[from], bottom, line);
    p.segment(sum, bottom, sum, y, line);
    p.dot(sum, y, r, { fill: theme.background, stroke: theme.text, line: 1.2 });
    p.segment(sum - 0.6 * r, y, sum + 0.6 * r, y, thin);
    p.segment(sum, y - 0.6 * r, sum, y + 0.6 * r, thin);
  }
  const branch = BRANCHES.find(([from, to]) => step >= from && step < to);
  if (branch) p.dot(middles[branch[0]], y, 0.65 * r, { fill: theme.mark });
  const x = (middles[2] + middles[3]) / 2, type = { font: theme.font, size: 11 * zoom, color: theme.faint };
  p.rect(x - 46 * zoom, 0, 92 * zoom, 2 * y, { fill: theme.background });
  p.text("residual stream", x, y + 0.5, { ...type, align: "center" });
}
