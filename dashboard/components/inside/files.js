// Files of a stepper: the current step as a picture, its numbers as CSV, the view as HTML.

import { savePainted } from "../shared/picture.js";
import { fileStem, saveCsv } from "../shared/save.js";
import { themeColors } from "../shared/theme.js";

/** @param {any} stepper */
export function saveStepper(stepper, format) {
  if (format === "html") return stepper.ask("file");
  const stem = fileStem(stepper.fileName), edge = 16, top = 40, foot = 26;
  if (format === "csv") return saveCsv(stepper.rows(), stem);
  const theme = themeColors(stepper.root), type = { font: theme.font, size: 14, color: theme.text };
  const size = [stepper.w + 2 * edge, stepper.h + top + edge + foot];
  return savePainted(format, stem, size, theme.background, (p) => {
    const head = [".inside-mode", ".inside-text"].map((part) => stepper.find(part).textContent);
    p.text(head.filter(Boolean).join(" "), edge, 20, type);
    p.moved(edge, top, (q) => stepper.paint(q, theme));
    const y = top + stepper.h + foot - 4;
    p.text(stepper.find(".inside-reading").textContent, edge, y, { ...type, size: 13 });
  });
}
