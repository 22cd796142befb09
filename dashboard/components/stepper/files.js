// Files of the stepper: the current step as a picture, without movement, and its numbers as CSV.

import { savePainted } from "../shared/picture.js";
import { fileStem, saveCsv } from "../shared/save.js";
import { themeColors } from "../shared/theme.js";
import { paintStep } from "./scene.js";
import { CHANNELS, TITLES } from "./words.js";

/** @param {any} stepper */
export function saveStep(stepper, format) {
  const { root, step } = stepper, stem = fileStem(`patches ${TITLES[step]}`), edge = 16, top = 40;
  if (format === "csv") return saveCsv(stepRows(stepper), stem);
  stepper.progress = 1;
  const theme = themeColors(root), type = { font: theme.font, size: 14, color: theme.text };
  const size = [stepper.w + 2 * edge, stepper.height + top + edge];
  return savePainted(format, stem, size, theme.background, (p) => {
    p.text(root.querySelector(".steps-text").textContent, edge, 20, type);
    p.moved(edge, top, (q) => paintStep(stepper, q, theme));
  });
}

/**
 * Return the rows of the CSV file: a row per pixel, per patch or per token. In the last step the rows of the
 * tokens are followed by those of the positions and of the sums.
 * @param {any} stepper
 */
export function stepRows(stepper) {
  const { header: h, step, count, perPatch, side, first, known, pixels } = stepper;
  const numbers = (n, valueAt) => Array.from({ length: n }, (_, i) => valueAt(i));
  const oneTo = (n) => numbers(n, (i) => i + 1);
  if (step === 0) {
    const rows = numbers(
      h.size ** 2,
      (i) => [Math.floor(i / h.size) + 1, (i % h.size) + 1, ...pixels.subarray(3 * i, 3 * i + 3)],
    );
    return [["row", "column", ...CHANNELS], ...rows];
  }
  const rowColumn = (patch) => [Math.floor(patch / side) + 1, (patch % side) + 1];
  if (step < 3 || !known) {
    const rows = numbers(
      count,
      (patch) => [...rowColumn(patch), ...numbers(perPatch, (j) => stepper.value(patch, j))],
    );
    return [
      ["row", "column", ...CHANNELS.flatMap((c) => oneTo(perPatch / 3).map((i) => `${c} ${i}`))],
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
        ...(t < first ? ["CLS", ""] : rowColumn(t - first)),
        ...numbers(h.dim, (j) => +parts[part](t * h.dim + j).toPrecision(7)),
      ],
    )
  );
  return [["part", "row", "column", ...oneTo(h.dim)], ...rows];
}
