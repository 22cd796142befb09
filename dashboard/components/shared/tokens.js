// The tokens of a ViT: `first` tokens such as CLS, and then the patches row by row. The header's `prefix`
// names the former, as links do: `cls`, `distillation`, `register1` and so on. Without it, there is at most
// CLS.

/**
 * Return the names of the tokens before the patches, as links have them.
 * @param {{ first: number, prefix?: string[] }} header
 * @returns {string[]}
 */
export const prefixOf = ({ first, prefix }) => prefix ?? ["cls"].slice(0, first);

/** Return whether the first token is CLS. */
export const hasCls = (header) => prefixOf(header)[0] === "cls";

// Return a short label for the name of a token before the patches.
export const prefixLabel = (name) => name === "cls" ? "CLS" : name.replace(/\d+$/, " $&");

// Return the name of a token in texts.
export function tokenName(token, header) {
  const { side, first } = header, name = prefixOf(header)[token];
  if (name) return name === "distillation" ? "the distillation token" : prefixLabel(name);
  const patch = token - first;
  return `row ${Math.floor(patch / side) + 1}, column ${(patch % side) + 1}`;
}

/** Return a short name of a token for a list: "CLS", or row and column as "r5 c7". */
export function shortName(token, header) {
  const { side, first } = header, name = prefixOf(header)[token], patch = token - first;
  return name ? prefixLabel(name) : `r${Math.floor(patch / side) + 1} c${(patch % side) + 1}`;
}

/** Return the name of a token at the start of a sentence. */
export function capitalName(token, header) {
  const name = tokenName(token, header);
  return name[0].toUpperCase() + name.slice(1);
}

/**
 * Return a token as text: `cls` and the like, or the row and the column of a patch, counted from 1: `3.4`.
 * @param {number} token
 */
export function tokenText(token, header) {
  const { side, first } = header, name = prefixOf(header)[token];
  if (name) return name;
  const patch = token - first;
  return `${Math.floor(patch / side) + 1}.${(patch % side) + 1}`;
}

/**
 * Parse a token, by the rules of `Token` in dashboard/states/attention.py.
 * @param {string | null} text
 * @returns {number | null} null if this model has no such token
 */
export function parseToken(text, header) {
  const { side, first } = header, named = prefixOf(header).indexOf(text ?? "");
  if (named >= 0) return named;
  if (!/^[1-9][0-9]{0,3}\.[1-9][0-9]{0,3}$/.test(text ?? "")) return null;
  const [row, column] = text.split(".").map(Number);
  return Math.max(row, column) <= side ? first + (row - 1) * side + column - 1 : null;
}

/** Return the patch in the middle of the image. */
export const middlePatch = ({ side, first }) => first + Math.floor(side / 2) * (side + 1);

/** Return the token that is shown if none is chosen: CLS, or the patch in the middle. */
export const defaultToken = (header) => hasCls(header) ? 0 : middlePatch(header);

/**
 * Return the patch next to `query` within the image, or the one in the middle if `query` is not a patch.
 * @param {number | null} query
 * @param {number} dx to the right
 * @param {number} dy down
 */
export function neighborOf(query, dx, dy, { side, first }) {
  if (query === null || query < first) return middlePatch({ side, first });
  const row = Math.floor((query - first) / side), column = (query - first) % side;
  const clamp = (v) => Math.max(0, Math.min(side - 1, v));
  return first + clamp(row + dy) * side + clamp(column + dx);
}
