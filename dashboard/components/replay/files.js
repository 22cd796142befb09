// Files of the replay: the current frame as a picture, and the predictions for all frames as CSV.

import { savePainted } from "../shared/picture.js";
import { fileStem, saveCsv } from "../shared/save.js";
import { themeColors } from "../shared/theme.js";

/** @param {any} replay */
export function saveReplay(replay, format) {
  const { root, header: h } = replay, stem = fileStem(h.kind);
  if (format === "csv") return saveCsv(replayRows(replay), stem);
  const theme = themeColors(root), edge = 16, gap = 40, side = 300, wide = 420, bar = 24;
  const type = { font: theme.font, size: 14, color: theme.text }, bold = { ...type, weight: 600 };
  const canvases = [...root.querySelectorAll("figure canvas")],
    sections = [...root.querySelectorAll(".replay-model")];
  const heights = sections.map((section) => section.querySelectorAll(".replay-bars b").length * bar + 48);
  const left = edge + canvases.length * (side + gap);
  const height = Math.max(side + 56, heights.reduce((a, b) => a + b, 0)) + 2 * edge;
  return savePainted(format, stem, [left + wide + edge, height], theme.background, (p) => {
    canvases.forEach((canvas, i) => {
      const x = edge + i * (side + gap);
      p.text(canvas.previousSibling.textContent, x, edge + 10, bold);
      p.pixels(canvas, 0, 0, canvas.width, canvas.height, x, edge + 26, side, side);
    });
    p.text(`${h.name}: ${root.querySelector("output").textContent}`, edge, edge + side + 44, type);
    let y = edge;
    sections.forEach((section, m) => {
      p.text(section.querySelector("h3").textContent, left, y + 10, bold);
      const cells = [...section.querySelector(".replay-bars").children];
      for (let k = 0; k < cells.length / 3; k++) {
        const [label, track, percent] = cells.slice(3 * k, 3 * k + 3), middle = y + 36 + k * bar;
        p.text(label.textContent, left, middle, type);
        p.rect(left + 110, middle - 8, 250, 16, { fill: theme.track });
        p.rect(left + 110, middle - 8, 2.5 * parseFloat(track.firstChild.style.width), 16, {
          fill: h.models[m].color,
        });
        p.text(percent.textContent, left + wide, middle, { ...type, align: "right" });
      }
      y += heights[m];
    });
  });
}

// The rows of the CSV file: the probabilities of every model for every frame, and for the painted image.
export function replayRows({ header: h, frames, probabilities, painted, mask }) {
  const rows = [["model", "rows", "columns", ...h.classes]], n = h.classes.length;
  h.models.forEach((model, m) => {
    for (let f = 0; f < frames; f++) {
      const values = probabilities.subarray((m * frames + f) * n, (m * frames + f + 1) * n);
      rows.push([
        model.label,
        h.rows[Math.floor(f / h.columns.length)],
        h.columns[f % h.columns.length],
        ...values,
      ]);
    }
    if (painted) rows.push([model.label, `painted ${mask.join("")}`, "", ...h.painted.probabilities[m]]);
  });
  rows[0].splice(1, 2, ...(h.mode === "drag" ? ["down", "right"] : [h.unit.toLowerCase(), "order"]));
  return rows.map((row) => row.map((v) => (typeof v === "number" ? +v.toPrecision(6) : v)));
}
