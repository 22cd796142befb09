// Texts of the view: names of layers, titles, and what is under the pointer.

import { percent } from "../shared/numbers.js";
import { prefixLabel, prefixOf, tokenName } from "../shared/tokens.js";
import { argmax } from "../shared/vectors.js";

/** Return a number for the legend and the readings, with a true minus sign. */
export const featureText = (v) => v.toFixed(Math.abs(v) < 10 ? 2 : 1).replace("-", "\u2212");

/** Return the short label of a point above its map. */
export function pointLabel(index, { layers }) {
  return index === 0 ? "input" : index > layers ? "norm" : String(index);
}

/** Return the name of a point of the residual stream. */
export function pointName(index, { layers }) {
  if (index === 0) return "Before the first block";
  return index > layers ? "After the last layer norm" : `After block ${index}`;
}

/** Return the title of the maps. */
export function featuresTitle({ header, state, shown }) {
  if (state.feature === "norm") return "L2 norm of every token";
  if (state.feature === "components") return "First three principal components of the patches";
  return `Cosine similarity to ${tokenName(shown, header)}`;
}

/** Return the labels below the color scale of the grid. */
export function spanLabels({ state, limits }) {
  if (state.span === "map") return ["lowest of each map", "highest"];
  return limits.map(featureText);
}

/** Return the shares of the variance of the three components, as the legend has them. */
export function componentLabels(shares) {
  return ["red", "green", "blue"].map((color, i) => `${color}: component ${i + 1}, ${percent(shares[i])}`);
}

// Return the value of a token: a cosine, a norm, or the three components.
function valueText({ state, values, colors, header: { first } }, token) {
  if (state.feature !== "components") return featureText(values[token]);
  const from = 3 * (token - first);
  return [...colors.subarray(from, from + 3)].map((v) => (v / 255).toFixed(2)).join(", ");
}

/**
 * Return the value under the pointer, or else the most similar patch or the largest norm; then the values of
 * the tokens before the patches. `hoveredPatch`: of the large map. `values`: of all tokens.
 */
export function featuresReading(view) {
  const { header, state, values, hoveredPatch, shown } = view, { first, tokens } = header;
  if (!values && state.feature !== "components") return "The features of this layer are being loaded.";
  if (!view.colors) return "The features of this layer are being loaded.";
  const placed = (token) => `${valueText(view, token)} at ${tokenName(token, header)}`;
  const names = prefixOf(header).map((name, token) => `${prefixLabel(name)}: ${valueText(view, token)}`);
  const others = names.length > 6 ? `${names.slice(0, 6).join(", ")}, \u2026` : names.join(", ");
  if (state.feature === "components") {
    const token = hoveredPatch === null ? shown : hoveredPatch + first;
    if (token < first) return "Only patches have components. Hover over one to read its three values.";
    return `Components 1 to 3, each from 0 to 1: ${placed(token)}.`;
  }
  let text;
  if (hoveredPatch !== null) {
    text = `${state.feature === "norm" ? "Norm" : "Cosine"} ${placed(hoveredPatch + first)}.`;
  } else if (state.feature === "norm") {
    const largest = argmax(values);
    const own = `Norm ${placed(shown)}.`;
    text = `${own} Largest: ${placed(largest)}.`;
  } else {
    let best = -1;
    for (let token = first; token < tokens; token++) {
      if (token !== shown && (best < 0 || values[token] > values[best])) best = token;
    }
    text = best < 0 ? "There is no other patch." : `Most similar: ${placed(best)}.`;
  }
  return first ? `${text}\n${others}.` : text;
}

/** Return a hint on how to use the view. `missing`: whether the features of a layer are not here. */
export function featuresHint({ state, header, missing }) {
  if (missing && state.feature !== "norm") return "Click a layer to load its features.";
  if (state.feature === "components") return "Similar colors are similar features.";
  if (state.query !== null || header.talk) return "";
  return "Hover over a patch. Click to pin it.";
}
