// What is being looked at. It lives in the address, where links and the server read it; defaults are left
// out. Hovering is not part of it.

// The header's `parameters` come from `ExplorerState` in Python: the names that an address has, and the values of
// each choice, the default first.

const CHOICES = ["direction", "scale", "content"];

// A token in the address: `cls`, or row and column of a patch, counted from 1: `3.4`.
export function tokenText(token, { side, first }) {
  if (first && token === 0) return "cls";
  const patch = token - first;
  return `${Math.floor(patch / side) + 1}.${(patch % side) + 1}`;
}

export function tokenOf(text, { side, first }) {
  if (text === "cls") return first ? 0 : null;
  const [row, column] = (text || "").split(".").map(Number);
  const inside = (n) => Number.isInteger(n) && n >= 1 && n <= side;
  return inside(row) && inside(column) ? first + (row - 1) * side + column - 1 : null;
}

export function tokenName(token, { side, first }) {
  if (first && token === 0) return "CLS";
  const patch = token - first;
  return `row ${Math.floor(patch / side) + 1}, column ${(patch % side) + 1}`;
}

// Layers and heads in the address count from 1; `mean` is the last one here.
function indexOf(text, count, fallback) {
  if (text === "mean") return count;
  const n = Number(text);
  return Number.isInteger(n) && n >= 1 && n <= count ? n - 1 : fallback;
}

export function readState(search, header) {
  const at = new URLSearchParams(search);
  const { choices } = header.parameters;
  const choice = (name) => (choices[name].includes(at.get(name)) ? at.get(name) : choices[name][0]);
  const query = tokenOf(at.get("query"), header);
  return {
    query,
    second: query === null ? null : tokenOf(at.get("second"), header),
    layer: indexOf(at.get("layer"), header.layers, header.layers - 1),
    head: indexOf(at.get("head"), header.heads, 0),
    map: at.get("map") === "rollout" && header.only === null ? "rollout" : "head",
    direction: choice("direction"),
    scale: choice("scale"),
    content: choice("content"),
    overlay: at.get("overlay") !== "off",
    snapshot: header.snapshots.some((s) => s.step === Number(at.get("snapshot")))
      ? Number(at.get("snapshot"))
      : null,
    mask: at.get("mask") || null,
    over: at.get("over") === "test" ? "test" : null,
  };
}

// The state as it stands in the address, without the defaults.
/** @returns {[string, string][]} */
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

// What stands in the address, with null for what is left out.
export function addressOf(state, header) {
  const texts = new Map(stateText(state, header));
  return Object.fromEntries(header.parameters.names.map((name) => [name, texts.get(name) ?? null]));
}

// The patch next to `query`, dx to the right and dy down, within the image; the one in the middle where no
// patch is chosen.
export function neighborOf(query, dx, dy, { side, first }) {
  if (query === null || query < first) return first + Math.floor(side / 2) * (side + 1);
  const row = Math.floor((query - first) / side), column = (query - first) % side;
  const keep = (v) => Math.max(0, Math.min(side - 1, v));
  return first + keep(row + dy) * side + keep(column + dx);
}
