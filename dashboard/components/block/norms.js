// A layer norm of one number, written out.

import { formatted, joinedTerms } from "../shared/numbers.js";
import { spread } from "./data.js";

// Return how a layer norm computes number j of some values, as text.
export function normText(values, scale, offset, eps, j) {
  const { mean, deviation } = spread(values, eps);
  const shifted = joinedTerms([formatted(values[j]), formatted(-mean)]);
  const parts = [
    `(${shifted}) / ${formatted(deviation)} \u00d7 ${formatted(scale[j])}`,
    formatted(offset[j]),
  ];
  const value = ((values[j] - mean) / deviation) * scale[j] + offset[j];
  return `${joinedTerms(parts)} = ${formatted(value)}`;
}
