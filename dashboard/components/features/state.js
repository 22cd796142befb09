// The state of the view: what a link must restore. The header's `choices` come from `FeaturesState` in
// Python, with the default first.

import { parseCount } from "../shared/address.js";
import { parseToken, tokenText } from "../shared/tokens.js";

const CHOSEN = ["feature", "point", "span"];

/**
 * Read the state from the query parameters of an address. `index` is a point of the residual stream: 0 for
 * the input, then the layers, then the tokens after the last layer norm.
 * @param {string} search
 * @param {any} header of the message
 */
export function readFeaturesState(search, header) {
  const parameters = new URLSearchParams(search), { layers, choices } = header;
  const choice = (name) => {
    const text = parameters.get(name);
    return choices[name].includes(text) ? text : choices[name][0];
  };
  const layer = parseCount(parameters.get("layer")), point = choice("point");
  const ends = { input: 0, norm: layers + 1 };
  return {
    query: parseToken(parameters.get("query"), header),
    feature: choice("feature"),
    span: choice("span"),
    index: ends[point] ?? (layer !== null && layer <= layers ? layer : layers),
    overlay: parameters.get("overlay") !== "off",
  };
}

/**
 * Return the state as query parameters, with null for the defaults.
 * @returns {Record<string, string | null>}
 */
export function featuresAddress(state, header) {
  const { layers, choices } = header, { index } = state;
  const point = index === 0 ? "input" : index > layers ? "norm" : "block";
  const values = { ...state, point };
  const chosen = CHOSEN.map((name) => [name, values[name] === choices[name][0] ? null : values[name]]);
  return {
    query: state.query === null ? null : tokenText(state.query, header),
    overlay: state.overlay ? null : "off",
    ...Object.fromEntries(chosen),
    layer: point === "block" && index < layers ? String(index) : null,
  };
}
