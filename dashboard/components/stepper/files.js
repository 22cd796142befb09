// The step that is seen, to take along: as it stands at rest, and its numbers.

import { savePainted } from "../shared/picture.js";
import { fileStem, giveCsv } from "../shared/save.js";
import { coloring } from "../shared/theme.js";
import { CHANNELS, TITLES } from "./words.js";

export function saveStep(stepper, format) {
  const { root, step } = stepper, stem = fileStem(`patches ${TITLES[step]}`), edge = 16, top = 40;
  if (format === "csv") return giveCsv(stepRows(stepper), stem);
  stepper.share = 1;
  const look = coloring(root), type = { font: look.font, size: 14, color: look.text };
  const size = [stepper.w + 2 * edge, stepper.height + top + edge];
  return savePainted(format, stem, size, look.ground, (p) => {
    p.text(root.querySelector(".steps-words").textContent, edge, 20, type);
    p.moved(edge, top, (q) => stepper.paint(q, look));
  });
}

// The image by pixels; a row per patch; a row per token, with positions also what is added.
export function stepRows(stepper) {
  const { header: h, step, count, inside, side, first, known, pixels } = stepper;
  const numbers = (n, of) => Array.from({ length: n }, (_, i) => of(i));
  const named = (n) => numbers(n, (i) => i + 1);
  if (step === 0) {
    const rows = numbers(
      h.size ** 2,
      (i) => [Math.floor(i / h.size) + 1, (i % h.size) + 1, ...pixels.subarray(3 * i, 3 * i + 3)],
    );
    return [["row", "column", ...CHANNELS], ...rows];
  }
  const place = (patch) => [Math.floor(patch / side) + 1, (patch % side) + 1];
  if (step < 3 || !known) {
    const rows = numbers(
      count,
      (patch) => [...place(patch), ...numbers(inside, (j) => stepper.value(patch, j))],
    );
    return [
      ["row", "column", ...CHANNELS.flatMap((c) => named(inside / 3).map((i) => `${c} ${i}`))],
      ...rows,
    ];
  }
  const parts = {
    patches: (i) => stepper.tokens[i],
    positions: (i) => stepper.positions[i],
    sum: (i) => stepper.tokens[i] + stepper.positions[i],
  };
  const shown = step === 3 ? ["patches"] : Object.keys(parts);
  const rows = shown.flatMap((part) =>
    numbers(
      h.tokens,
      (t) => [
        part,
        ...(t < first ? ["CLS", ""] : place(t - first)),
        ...numbers(h.dim, (j) => +parts[part](t * h.dim + j).toPrecision(7)),
      ],
    )
  );
  return [["part", "row", "column", ...named(h.dim)], ...rows];
}
