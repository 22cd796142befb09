// The words of the explorer: what its pictures show, for their titles and for a screen reader.

import { tokenName } from "./state.js";

export const percent = (v) => `${(100 * v).toFixed(v < 0.0995 ? 1 : 0)} %`;

export function nameOfCell({ r, c }, { layers, heads }) {
  const layer = r === layers ? "mean over layers" : `Layer ${r + 1}`;
  return `${layer}, ${c === heads ? "mean over heads" : `head ${c + 1}`}`;
}

const weightText = (v) => (v >= 0.01 ? v.toFixed(3) : v.toPrecision(2));

// The title of the maps, and the three or two words below the color scale.
export function titleOf({ header, state, shown, comparing }) {
  const token = (t) => tokenName(t, header);
  if (comparing) return `A (${token(state.query)}) minus B (${token(state.second)})`;
  return state.direction === "keys" ? `Who looks at ${token(shown)}?` : `Where ${token(shown)} looks`;
}

export function scaleEnds({ state, comparing, tops }) {
  const shared = state.scale === "shared";
  const end = shared ? weightText(tops[0]) : `maximum of its ${state.scale}`;
  if (comparing) return ["B more", `±${shared ? "" : " "}${end}`, "A more"];
  return shared ? ["0", "one scale for all maps", end] : ["0", end];
}

// The weight under the pointer, or else the largest, and the one on CLS. `mass`: on CLS, in the chosen cell.
export function readingOf({ header, state, comparing, pointed, rollout, values, mass }) {
  const keys = state.direction === "keys", [first] = values;
  const at = pointed ?? first.reduce((best, v, i) => (v > first[best] ? i : best), 0);
  const value = values.map((v) => weightText(v[at])).join(" and ");
  const where = tokenName(at + header.first, header);
  const onto = `${pointed === null ? "Largest weight" : "Weight"} ${value} ${keys ? "from" : "at"} ${where}.`;
  if (!header.first || rollout) return onto;
  return `${onto} ${keys ? "From" : "On"} CLS: ${percent(mass)}${comparing ? " more" : ""}.`;
}

// What to do where nothing is chosen yet.
export function hintOf({ header, state, hover }) {
  if (header.only !== null) return "So many tokens: click a patch to ask for its maps.";
  return hover === null && state.query === null ? "Hover a patch; click pins it." : "";
}
