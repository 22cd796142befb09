// The last step of both steppers: the classes with their logits and probabilities.

import { formatted, inPercent, productText } from "../shared/numbers.js";
import { largest } from "../shared/vectors.js";

// The classes that are listed: those of the header, or all, or the most probable ones of many.
const listedClasses = ({ logits, header: h }) =>
  h.listed ?? (h.outputs <= 12 ? Array.from(logits, (_, k) => k) : largest(logits, 10));

const LETTER = 6.8; // pixels, of the name of a class
const LABEL = 82; // pixels, for short names

/**
 * Return the panel with the classes, or with the most probable ones if there are many.
 * @param {any} block
 */
export function classPanel(block) {
  const { logits, probabilities, header: h } = block;
  const items = listedClasses(block).map((k) => ({
    label: h.classes[k],
    value: logits[k],
    item: k,
    text: `${formatted(logits[k])}   ${inPercent(probabilities[k])}`,
    bold: k === h.truth,
  }));
  const title = "logits and probabilities";
  const left = items.reduce((most, { label }) => Math.max(most, LETTER * label.length + 8), LABEL);
  return { kind: "list", id: "classes", items, title, left, right: 108, signed: true };
}

/**
 * Write out the logit of a listed class as a dot product of `values` with its weights.
 * @param {any} block
 * @param {Float32Array} values
 * @param {number} [count] of the products that are written out
 */
export function classReading(block, klass, values, count) {
  const { logits, probabilities, classWeights, classBias, header: h } = block;
  const at = h.listed ? h.listed.indexOf(klass) : klass;
  const row = classWeights.subarray(at * values.length, (at + 1) * values.length);
  return `${h.classes[klass]}: ${productText(values, row, [classBias[at]], count)} (offset) = ` +
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
