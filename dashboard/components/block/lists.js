// The items of the lists in the drawing: the tokens with the largest values, and the most active units.

import { formatted, inPercent } from "../shared/numbers.js";
import { shortName } from "../shared/tokens.js";
import { largest } from "../shared/vectors.js";

export const topTokens = (values, header) =>
  largest(values, 8).map((token) => ({
    token,
    label: shortName(token, header),
    value: values[token],
    text: inPercent(values[token]),
  }));

export function topUnits({ block }, active) {
  return largest(active, 5).map((unit) => ({
    label: `unit ${unit + 1}`,
    value: active[unit],
    item: unit,
    text: formatted(active[unit]),
    crops: block.header.units.findIndex((one) => one.unit === unit),
  }));
}

export function unitsTitle({ block: { header } }) {
  if (header.searched) return `most active units, and what excites them most in ${header.searched} images`;
  return header.standalone ? "most active units" : "most active units; searching for what excites them";
}
