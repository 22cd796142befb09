// The state of the explorer: everything that a link must restore, so not the hovering. It is kept in the
// address, where the server reads it. Defaults are omitted.
//
// The header's `parameters` come from `ExplorerState` in Python: the names of the query parameters, and the
// values of each choice, the default first.

import { parseToken, tokenText } from "../shared/tokens.js";
import { parseCount, parseWhole } from "../shared/address.js";

const CHOICES = ["direction", "scale", "content", "order"];

// Parse a layer or a head. The address counts from 1; the index of `mean` is `count`.
function parseIndex(text, count, fallback) {
  if (text === "mean") return count;
  const n = parseCount(text);
  return n !== null && n <= count ? n - 1 : fallback;
}

// The layer that is shown if none is named: the last one, unless the view begins with another.
const startLayer = (header) => header.startLayer ?? header.layers - 1;

/**
 * Read the state from the query parameters of an address.
 * @param {string} search
 * @param {any} header of the message
 */
export function readState(search, header) {
  const parameters = new URLSearchParams(search);
  const { choices } = header.parameters;
  const choice = (
    name,
  ) => (choices[name].includes(parameters.get(name)) ? parameters.get(name) : choices[name][0]);
  const query = parseToken(parameters.get("query"), header);
  const step = parseWhole(parameters.get("snapshot"));
  return {
    query,
    second: query === null ? null : parseToken(parameters.get("second"), header),
    layer: parseIndex(parameters.get("layer"), header.layers, startLayer(header)),
    head: parseIndex(parameters.get("head"), header.heads, 0),
    map: parameters.get("map") === "rollout" && header.only === null ? "rollout" : "head",
    direction: choice("direction"),
    scale: choice("scale"),
    content: choice("content"),
    overlay: parameters.get("overlay") !== "off",
    snapshot: header.snapshots.some((s) => s.step === step) ? step : null,
    mask: parameters.get("mask") || null,
    over: parameters.get("over") === "test" ? "test" : null,
    order: choice("order"),
  };
}

/**
 * Return the state as query parameters, without the defaults.
 * @returns {[string, string][]}
 */
export function stateText(state, header) {
  const number = (n, count) => (n === count ? "mean" : String(n + 1));
  const values = {
    query: state.query === null ? null : tokenText(state.query, header),
    second: state.second === null ? null : tokenText(state.second, header),
    layer: state.layer === startLayer(header) ? null : number(state.layer, header.layers),
    head: state.head === 0 ? null : number(state.head, header.heads),
    map: state.map === "head" ? null : state.map,
    overlay: state.overlay ? null : "off",
    snapshot: state.snapshot,
    mask: state.mask,
    over: state.over,
  };
  const { names, choices } = header.parameters;
  for (const name of CHOICES) values[name] = state[name] === choices[name][0] ? null : state[name];
  return names.filter((name) => values[name] !== null).map((name) => [name, String(values[name])]);
}

// Return the state as query parameters, with null for the defaults.
export function addressOf(state, header) {
  const texts = new Map(stateText(state, header));
  return Object.fromEntries(header.parameters.names.map((name) => [name, texts.get(name) ?? null]));
}
