// The state of the explorer: everything that a link must restore, so not the hovering. It is kept in the
// address, where the server reads it. Defaults are omitted.
//
// The header's `parameters` come from `ExplorerState` in Python: the names of the query parameters, and the
// values of each choice, the default first.

import { parseCount, parseWhole } from "../shared/address.js";

const CHOICES = ["direction", "scale", "content", "order"];

/**
 * Return a token as text: `cls`, or the row and the column of a patch, counted from 1: `3.4`.
 * @param {number} token
 */
export function tokenText(token, { side, first }) {
  if (first && token === 0) return "cls";
  const patch = token - first;
  return `${Math.floor(patch / side) + 1}.${(patch % side) + 1}`;
}

/**
 * Parse a token, by the rules of `Token` in dashboard/states/attention.py.
 * @param {string | null} text
 * @returns {number | null} null if this model has no such token
 */
export function parseToken(text, { side, first }) {
  if (text === "cls") return first ? 0 : null;
  if (!/^[1-9][0-9]{0,3}\.[1-9][0-9]{0,3}$/.test(text ?? "")) return null;
  const [row, column] = text.split(".").map(Number);
  return Math.max(row, column) <= side ? first + (row - 1) * side + column - 1 : null;
}

// Return the name of a token in texts.
export function tokenName(token, { side, first }) {
  if (first && token === 0) return "CLS";
  const patch = token - first;
  return `row ${Math.floor(patch / side) + 1}, column ${(patch % side) + 1}`;
}

// Parse a layer or a head. The address counts from 1; the index of `mean` is `count`.
function parseIndex(text, count, fallback) {
  if (text === "mean") return count;
  const n = parseCount(text);
  return n !== null && n <= count ? n - 1 : fallback;
}

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
    layer: parseIndex(parameters.get("layer"), header.layers, header.layers - 1),
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
    layer: state.layer === header.layers - 1 ? null : number(state.layer, header.layers),
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

/**
 * Return the patch next to `query` within the image, or the one in the middle if `query` is not a patch.
 * @param {number | null} query
 * @param {number} dx to the right
 * @param {number} dy down
 */
export function neighborOf(query, dx, dy, { side, first }) {
  if (query === null || query < first) return first + Math.floor(side / 2) * (side + 1);
  const row = Math.floor((query - first) / side), column = (query - first) % side;
  const clamp = (v) => Math.max(0, Math.min(side - 1, v));
  return first + clamp(row + dy) * side + clamp(column + dx);
}
