// Numbers of vectors.

const MOST_SORTED = 100_000; // numbers, since a color scale needs no exact quantile

/**
 * Return the value at the color scale's end: the 98 % quantile of the absolute values. Of many values, only
 * every second, third and so on is looked at.
 * @param {ArrayLike<number>} values
 */
export function limitOf(values) {
  const step = Math.ceil(values.length / MOST_SORTED), count = Math.ceil(values.length / Math.max(1, step));
  const some = Float32Array.from({ length: count }, (_, i) => Math.abs(values[i * step]));
  const sorted = some.filter(Number.isFinite).sort();
  return Math.max(sorted[Math.floor(0.98 * (sorted.length - 1))] ?? 1, 1e-6);
}

/**
 * Return the indices of the largest values, the largest first.
 * @param {ArrayLike<number>} values
 */
export function largest(values, count) {
  return Array.from(values, (_, i) => i).sort((a, b) => values[b] - values[a]).slice(0, count);
}

/**
 * Return the index of the largest value, or of the first of several.
 * @param {ArrayLike<number>} values
 */
export function argmax(values) {
  let best = 0;
  for (let i = 1; i < values.length; i++) if (values[i] > values[best]) best = i;
  return best;
}

// Return the index of the largest absolute value.
export const largestChannel = (values) => largest(Array.from(values, Math.abs), 1)[0];

/** @param {ArrayLike<number>} a */
export function cosine(a, b) {
  const length = norm(a) * norm(b);
  return length ? Array.from(a).reduce((sum, v, i) => sum + v * b[i], 0) / length : 0;
}

/** @param {ArrayLike<number>} values */
export const norm = (values) => Math.sqrt(Array.from(values).reduce((a, b) => a + b * b, 0));

/**
 * Return the softmax of values divided by a temperature.
 * @param {ArrayLike<number>} values
 */
export function softmax(values, temperature) {
  const largest = values.length ? Array.from(values).reduce((a, b) => Math.max(a, b)) : 0;
  const out = Float32Array.from(values, (v) => Math.exp((v - largest) / temperature));
  const total = out.reduce((a, b) => a + b, 0);
  return out.map((v) => v / total);
}
