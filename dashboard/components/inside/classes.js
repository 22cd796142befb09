// The last step of both steppers: the classes with their logits and probabilities.

import { formatted, inPercent, productText } from "../shared/numbers.js";
import { largest } from "../shared/vectors.js";

/**
 * Return the panel with the classes, or with the most probable ones if there are many.
 * @param {any} block
 */
export function classPanel({ logits, probabilities, header: h }) {
  const shown = h.outputs <= 12 ? Array.from(logits, (_, k) => k) : largest(logits, 10);
  const items = shown.map((k) => ({
    label: h.classes[k],
    value: logits[k],
    item: k,
    text: `${formatted(logits[k])}   ${inPercent(probabilities[k])}`,
    bold: k === h.truth,
  }));
  const title = "logits and probabilities";
  return { kind: "list", id: "classes", items, title, left: 82, right: 108, signed: true };
}

/**
 * Write out the logit of a class as a dot product of `values` with its weights.
 * @param {any} block
 * @param {Float32Array} values
 */
export function classReading(block, klass, values) {
  const { logits, probabilities, classWeights, classBias, header: h } = block;
  const row = classWeights.subarray(klass * values.length, (klass + 1) * values.length);
  return `${h.classes[klass]}: ${productText(values, row, [classBias[klass]])} (offset) = ` +
    `${formatted(logits[klass])}; softmax ${inPercent(probabilities[klass])}.`;
}

// Return a number of a CSV file.
export const digits = (v) => +v.toPrecision(7);

/**
 * Return the rows of the CSV file: one per class.
 * @param {any} block
 */
export function classRows({ logits, probabilities, header: h }) {
  return [
    ["class", "logit", "probability"],
    ...Array.from(logits, (v, k) => [h.classes[k], digits(v), digits(probabilities[k])]),
  ];
}
