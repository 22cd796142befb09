// Rotary positions: how the numbers of a query or a key were turned by the place of their patch.

/**
 * Return the angle in radians by which number j of a patch is turned, together with its partner, as
 * `rotary_angles` of vitcore/networks/positions.py: by its row in the first half of the angles, by its column
 * in the second.
 * @param {any} block
 */
export function angleOf({ size, header: { rotary, side, first } }, token, j) {
  const angle = j % (size / 2), count = size / 4, patch = token - first;
  const place = angle < count ? Math.floor(patch / side) : patch % side;
  const center = (2 * (place + 0.5)) / side - 1; // from -1 to 1
  return (2 * Math.PI * center) / rotary ** ((angle % count) / count);
}

/**
 * Return how number j of a query or a key was turned, or null if it was not:
 * - angle in radians, and its factors `cos` and `sin` (with its sign);
 * - before: the number before; partner: the other number j; other: its value before.
 * The value is before * cos + other * sin.
 * @param {any} block
 * @param {string} part "q", "k" or "v"
 * @param {ArrayLike<number>} values the numbers of the head after the turn
 */
export function turnOf(block, part, token, values, j) {
  const { size, header } = block;
  if (!header.rotary || part === "v" || token < header.first) return null;
  const angle = angleOf(block, token, j), partner = (j + size / 2) % size;
  const cos = Math.cos(angle), sin = j < size / 2 ? -Math.sin(angle) : Math.sin(angle);
  const before = values[j] * cos - values[partner] * sin, other = values[partner] * cos + values[j] * sin;
  return { angle, cos, sin, before, partner, other };
}

/** Return an angle in degrees as text. */
export const degrees = (angle) => `${((180 * angle) / Math.PI).toFixed(1).replace("-", "\u2212")}\u00b0`;
