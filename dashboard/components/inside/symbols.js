// The meanings of the symbols in a formula, as plain text.

/** The symbols of a layer norm or a batch norm, beside its input and its output. */
export const NORM_SYMBOLS = {
  "\u03bc, \u03c3\u00b2": "its mean and variance",
  "\u03b5": "a small constant, which prevents a division by 0",
  "\u03b3, \u03b2": "learned scale and offset of each channel",
};

/**
 * Return the meanings of symbols, one in a line, and the axes of the arrays.
 * @param {Record<string, string>} meanings
 * @param {string} axes
 */
export function describeSymbols(meanings, axes) {
  const lines = Object.entries(meanings).map(([symbol, meaning]) => `${symbol}: ${meaning}`);
  return [...lines, `Shape: ${axes}`].join("\n");
}
