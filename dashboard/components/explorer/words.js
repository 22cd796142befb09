// Texts of the explorer: titles, and descriptions for screen readers.

import { percent, weightText } from "../shared/numbers.js";
import { hasCls, prefixLabel, prefixOf, tokenName } from "../shared/tokens.js";
import { argmax } from "../shared/vectors.js";

// Return the name of a cell of the grid.
export function cellName({ r, c }, { layers, heads }) {
  const layer = r === layers ? "mean over layers" : `Layer ${r + 1}`;
  return `${layer}, ${c === heads ? "mean over heads" : `head ${c + 1}`}`;
}

// Return the title of the maps.
export function titleText({ header, state, shown, comparing }) {
  const token = (t) => tokenName(t, header);
  if (comparing) return `A (${token(state.query)}) minus B (${token(state.second)})`;
  return state.direction === "keys" ? `Attention to ${token(shown)}` : `Attention from ${token(shown)}`;
}

// Return the two or three labels below the color scale.
export function scaleLabels({ header, state, comparing, maxima }) {
  const shared = ["shared", "root"].includes(state.scale);
  const maxLabel = shared ? weightText(maxima[0]) : `maximum of its ${state.scale}`;
  if (header.talk && !comparing) return ["0", maxLabel]; // larger type leaves no space for three labels
  if (comparing) return ["B more", `±${shared ? "" : " "}${maxLabel}`, "A more"];
  if (state.scale === "root") return ["0", "one scale for all maps, square root", maxLabel];
  if (shared) return ["0", "one scale for all maps", maxLabel];
  return ["0", `one scale per ${state.scale}`, maxLabel];
}

// Return the names of the two large maps, or an empty name for a single one.
export function largeNames({ values, hoveredToken }) {
  return values.length < 2 ? [""] : ["A", hoveredToken === null ? "B" : "pointer"];
}

// Return a label for the end of each large map's color scale, which is its own maximum.
export function largeEnds({ limits }) {
  return limits.map(weightText);
}

const MOST_NAMED = 6; // tokens before the patches whose weights are named one by one
const MOST_SPELLED = 3; // of them with long names; otherwise registers have the names of their buttons

// Return the tokens before the patches as texts with their weights: "CLS: 12 %, register 1: 3.1 %".
function prefixShares(header, masses, share) {
  const names = prefixOf(header), from = hasCls(header) ? 1 : 0, others = names.slice(from);
  const label = others.length > MOST_SPELLED ? (name) => name.replace("register", "R") : prefixLabel;
  const texts = names.map((name, i) => `${i < from ? "CLS" : label(name)}: ${share(masses[i])}`);
  if (others.length > 1) {
    const total = `together ${share(masses.slice(from).reduce((a, b) => a + b, 0))}`;
    const counted = `${others.length} other tokens: ${total}`;
    if (names.length > MOST_NAMED) return [...texts.slice(0, from), counted].join(", ");
    texts[texts.length - 1] += ` (${total})`;
  }
  return texts.join(", ");
}

// Return the weight of the patch under the pointer, or else each map's largest weight and its place, and the
// weights of CLS and of the other tokens before the patches: `masses`, those of the chosen cell.
export function readingText(view) {
  const { header, state, comparing, hoveredPatch, rollout, values, masses } = view;
  const keys = state.direction === "keys", at = keys ? "from" : "at", names = largeNames(view);
  const placeOf = (patch) => `${at} ${tokenName(patch + header.first, header)}`;
  const labeled = (text, i) => (names[i] ? `${names[i]} ${text}` : text);
  const separator = values.length > 1 ? "\n" : " ";
  let weights;
  if (hoveredPatch === null) {
    const largest = values.map(argmax);
    const texts = values.map((v, i) => labeled(`${weightText(v[largest[i]])} ${placeOf(largest[i])}`, i));
    weights = values.length > 1 ? `Largest weights:\n${texts.join(",\n")}.` : `Largest weight ${texts[0]}.`;
  } else {
    const texts = values.map((v, i) => labeled(weightText(v[hoveredPatch]), i));
    weights = `Weight ${placeOf(hoveredPatch)}:${separator}${texts.join(", ")}.`;
  }
  if (!header.first || rollout) return weights;
  const share = (v) => comparing ? `${percent(Math.abs(v))} ${v < 0 ? "less" : "more"}` : percent(v);
  return `${weights}${separator}${keys ? "From" : "On"} ${prefixShares(header, masses, share)}.`;
}

// Return the label of a reference distribution of attention.
export function referenceName(name) {
  return { uniform: "uniform attention", "3x3 neighbourhood": "3x3 neighborhood only" }[name] ?? name;
}

// Why a model with many tokens has neither rollout nor HTML file.
export const NEEDS_ALL = "Needs the maps of all tokens at once. This model has too many tokens to send them.";

// How to see the maps of a model with many tokens.
export const MANY_TOKENS = "Many tokens: click a patch to load its maps. Rollout and HTML need all at once.";

// Return a hint on how to pin or compare patches, until the visitor has done so. `used`: what the visitor has
// done.
export function hintText({ header, state, used }) {
  if (header.only !== null) return MANY_TOKENS;
  if (state.query === null) return used.pinned ? "" : "Hover over a patch. Click to pin it.";
  const known = used.compared || state.second !== null || header.talk;
  return known ? "" : "Click a second patch to compare.";
}
