// The tokens of a ViT: CLS, and the patches row by row.

// Return the name of a token in texts.
export function tokenName(token, { side, first }) {
  if (first && token === 0) return "CLS";
  const patch = token - first;
  return `row ${Math.floor(patch / side) + 1}, column ${(patch % side) + 1}`;
}

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
