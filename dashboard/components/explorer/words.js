// Texts of the explorer: titles, and descriptions for screen readers.

import { tokenName } from "./state.js";

/** @param {number} v */
export const percent = (v) => `${(100 * v).toFixed(v < 0.0995 ? 1 : 0)} %`;

// Return the name of a cell of the grid.
export function cellName({ r, c }, { layers, heads }) {
  const layer = r === layers ? "mean over layers" : `Layer ${r + 1}`;
  return `${layer}, ${c === heads ? "mean over heads" : `head ${c + 1}`}`;
}

const weightText = (v) => (v >= 0.01 ? v.toFixed(3) : v.toPrecision(2));

// Return the title of the maps.
export function titleText({ header, state, shown, comparing }) {
  const token = (t) => tokenName(t, header);
  if (comparing) return `A (${token(state.query)}) minus B (${token(state.second)})`;
  return state.direction === "keys" ? `Attention to ${token(shown)}` : `Attention from ${token(shown)}`;
}

// Return the two or three labels below the color scale.
export function scaleLabels({ state, comparing, maxima }) {
  const shared = state.scale === "shared";
  const maxLabel = shared ? weightText(maxima[0]) : `maximum of its ${state.scale}`;
  if (comparing) return ["B more", `±${shared ? "" : " "}${maxLabel}`, "A more"];
  return shared ? ["0", "one scale for all maps", maxLabel] : ["0", maxLabel];
}

// Return the weight of the patch under the pointer, or else the largest one, and the weight of CLS. `mass`: the weight
// of CLS in the chosen cell.
export function readingText({ header, state, comparing, hoveredPatch, rollout, values, mass }) {
  const keys = state.direction === "keys", [first] = values;
  const patch = hoveredPatch ?? first.reduce((best, v, i) => (v > first[best] ? i : best), 0);
  const value = values.map((v) => weightText(v[patch])).join(" and ");
  const where = tokenName(patch + header.first, header);
  const weight = `${hoveredPatch === null ? "Largest weight" : "Weight"} ${value} ${
    keys ? "from" : "at"
  } ${where}.`;
  if (!header.first || rollout) return weight;
  return `${weight} ${keys ? "From" : "On"} CLS: ${percent(mass)}${comparing ? " more" : ""}.`;
}

// Return a hint on how to choose a patch.
export function hintText({ header, state, hoveredToken }) {
  if (header.only !== null) return "This model has many tokens. Click a patch to load its maps.";
  return hoveredToken === null && state.query === null ? "Hover over a patch. Click to pin it." : "";
}
