// What the models see and say, to take along: this frame as a picture, every frame's answers as numbers.

import { savePainted } from "../shared/picture.js";
import { fileStem, giveCsv } from "../shared/save.js";
import { coloring } from "../shared/theme.js";

export function saveReplay(replay, format) {
  const { root, header: h } = replay, stem = fileStem(h.kind);
  if (format === "csv") return giveCsv(replayRows(replay), stem);
  const look = coloring(root), edge = 16, gap = 40, side = 300, wide = 420, bar = 24;
  const type = { font: look.font, size: 14, color: look.text }, strong = { ...type, weight: 600 };
  const seen = [...root.querySelectorAll("figure canvas")],
    boxes = [...root.querySelectorAll(".replay-model")];
  const answers = boxes.map((box) => box.querySelectorAll(".replay-bars b").length * bar + 48);
  const left = edge + seen.length * (side + gap);
  const high = Math.max(side + 56, answers.reduce((a, b) => a + b, 0)) + 2 * edge;
  return savePainted(format, stem, [left + wide + edge, high], look.ground, (p) => {
    seen.forEach((canvas, i) => {
      const x = edge + i * (side + gap);
      p.text(canvas.previousSibling.textContent, x, edge + 10, strong);
      p.pixels(canvas, 0, 0, canvas.width, canvas.height, x, edge + 26, side, side);
    });
    p.text(`${h.name}: ${root.querySelector("output").textContent}`, edge, edge + side + 44, type);
    let y = edge;
    boxes.forEach((box, m) => {
      p.text(box.querySelector("h3").textContent, left, y + 10, strong);
      const cells = [...box.querySelector(".replay-bars").children];
      for (let k = 0; k < cells.length / 3; k++) {
        const [word, track, share] = cells.slice(3 * k, 3 * k + 3), at = y + 36 + k * bar;
        p.text(word.textContent, left, at, type);
        p.rect(left + 110, at - 8, 250, 16, { fill: look.track });
        p.rect(left + 110, at - 8, 2.5 * parseFloat(track.firstChild.style.width), 16, {
          fill: h.models[m].color,
        });
        p.text(share.textContent, left + wide, at, { ...type, align: "right" });
      }
      y += answers[m];
    });
  });
}

export function replayRows({ header: h, frames, chances, painting, mask }) {
  const rows = [["model", "rows", "columns", ...h.classes]], n = h.classes.length;
  h.models.forEach((model, m) => {
    for (let f = 0; f < frames; f++) {
      const said = chances.subarray((m * frames + f) * n, (m * frames + f + 1) * n);
      rows.push([
        model.label,
        h.rows[Math.floor(f / h.columns.length)],
        h.columns[f % h.columns.length],
        ...said,
      ]);
    }
    if (painting) rows.push([model.label, `painted ${mask.join("")}`, "", ...h.painted.chances[m]]);
  });
  rows[0].splice(1, 2, ...(h.mode === "drag" ? ["down", "right"] : [h.unit.toLowerCase(), "order"]));
  return rows.map((row) => row.map((v) => (typeof v === "number" ? +v.toPrecision(6) : v)));
}
