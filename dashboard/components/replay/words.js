// Texts of the replay: the frame that is shown, and a model's prediction for it.

import { percent } from "../shared/numbers.js";
import { argmax } from "../shared/vectors.js";

/**
 * Describe the frame that is shown: a shift, the name of its row, or the count of painted cells.
 * @param {any} replay
 */
export function frameName({ header: h, row, column, mask, showsMask }) {
  if (showsMask) return `${mask.filter(Boolean).length} painted`;
  return h.mode === "drag" ? `right ${h.columns[column]}, down ${h.rows[row]}` : h.rows[row];
}

/**
 * Return the predicted class with its probability, and whether it is correct if the class of the image is
 * known.
 * @param {ArrayLike<number>} probabilities [C]
 */
export function predictionText(probabilities, { classes, truth }) {
  const best = argmax(probabilities);
  const wrong = `, wrong: it is ${classes[truth]}`;
  const verdict = truth === null ? "" : best === truth ? ", correct" : wrong;
  return `${classes[best]}, ${percent(probabilities[best])}${verdict}`;
}
