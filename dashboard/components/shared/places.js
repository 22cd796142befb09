// A place in the image that one component on the page tells others.

const CHANGED = "vitlab-place";

/**
 * Tell other components which token was chosen. One before the patches, such as CLS, has no place.
 * @param {number} token
 * @param {{ side: number, first: number }} header the patches in a row, and 1 if token 0 is CLS
 */
export function announcePlace(token, { side, first }) {
  const row = Math.floor((token - first) / side), column = (token - first) % side;
  const detail = token < first ? null : { row: (row + 0.5) / side, column: (column + 0.5) / side };
  globalThis.dispatchEvent(new CustomEvent(CHANGED, { detail }));
}

/**
 * Call `move` with each place, as fractions of the height and the width of the image, or with null, until the
 * signal.
 * @param {(place: { row: number, column: number } | null) => void} move
 * @param {AbortSignal} signal
 */
export function onPlace(move, signal) {
  const moved = (event) => move(/** @type {CustomEvent} */ (event).detail);
  globalThis.addEventListener(CHANGED, moved, { signal });
}
