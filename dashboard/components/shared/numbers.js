// Numbers as text.

import { largest } from "./vectors.js";

export const TERMS = 3; // products that are written out, at least

/**
 * Format a number with about four digits and a true minus sign.
 * @param {number} v
 */
export function formatted(v) {
  const size = Math.abs(v);
  let text = v.toFixed(size >= 100 ? 1 : size >= 10 ? 2 : 3);
  if (size > 0 && size < 0.001) text = size < 1e-5 ? v.toExponential(1) : v.toPrecision(2);
  return text.replaceAll("-", "\u2212");
}

/**
 * Format a probability, with a decimal below ten percent, as `vitcore.numbers.probability` does.
 * @param {number} v
 */
export const percent = (v) => `${(100 * v).toFixed(v < 0.0995 ? 1 : 0)} %`;

/**
 * Format an attention weight, or a difference of two: three decimals, or two digits of a small one.
 * @param {number} v
 */
export const weightText = (v) => Math.abs(v) >= 0.01 ? v.toFixed(3) : v.toPrecision(2);

/** @param {number} v */
export function inPercent(v) {
  const percent = 100 * v;
  if (percent > 0 && percent < 0.0001) return "under 0.0001\u00a0%";
  const text = percent > 0 && percent < 0.1 ? percent.toPrecision(2) : percent.toFixed(v < 0.0995 ? 2 : 1);
  return `${text}\u00a0%`;
}

/**
 * Return the end of a scale from 0 for probabilities up to `largest`, as `vitcore.numbers.scale_end` does.
 * @param {number} largest
 */
export function scaleEnd(largest) {
  if (!(largest > 0 && largest < 1)) return 1;
  const power = 10 ** Math.floor(Math.log10(largest));
  return power * /** @type {number} */ ([1, 2, 5, 10].find((step) => power * step >= largest * (1 - 1e-9)));
}

// Join terms as a sum: a minus sign replaces the plus in front of a negative term.
export const joinedTerms = (terms) => terms.join(" + ").replaceAll("+ \u2212", "\u2212 ");

/** Format a number that follows a sign or a word: a negative one is in parentheses. */
export const signedText = (v) => v < 0 ? `(${formatted(v)})` : formatted(v);

/**
 * Return the sum of the products of two vectors with its largest terms written out, without its value.
 * @param {ArrayLike<number>} a
 * @param {ArrayLike<number>} b
 * @param {number[]} more terms that are added to the products
 * @param {number} count of the products that are written out
 */
export function productText(a, b, more = [], count = TERMS) {
  const products = Array.from(a, (v, i) => v * b[i]);
  const order = largest(products.map(Math.abs), products.length);
  const rest = order.slice(count).reduce((sum, i) => sum + products[i], 0);
  const terms = order.slice(0, count).map((i) => `${formatted(a[i])} \u00d7 ${signedText(b[i])}`);
  if (order.length > count) terms.push(`${formatted(rest)} (${order.length - count} smaller terms)`);
  return joinedTerms([...terms, ...more.map(formatted)]);
}
