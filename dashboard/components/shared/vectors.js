// Numbers of vectors.

/**
 * Return the value at the color scale's end: the 98 % quantile of the absolute values.
 * @param {ArrayLike<number>} values
 */
export function limitOf(values) {
  const sorted = Float32Array.from(values, Math.abs).filter(Number.isFinite).sort();
  return Math.max(sorted[Math.floor(0.98 * (sorted.length - 1))] ?? 1, 1e-6);
}

/**
 * Return the indices of the largest values, the largest first.
 * @param {ArrayLike<number>} values
 */
export function largest(values, count) {
  return Array.from(values, (_, i) => i).sort((a, b) => values[b] - values[a]).slice(0, count);
}

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
