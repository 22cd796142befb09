// The number under the pointer, written out with its computation.

import { formatted, inPercent, joinedTerms, productText } from "../shared/numbers.js";
import { capitalName } from "../shared/tokens.js";
import { headPart, receivedBy, rowOf, shiftOf } from "./data.js";
import { headReading } from "./head.js";
import { normalizedName, normOf, normText } from "./norms.js";
import { degrees } from "./rotary.js";
import { isComplete, missingText, termCount, termsText } from "./terms.js";
import { ACTIVATION_NAMES } from "./words.js";

// Return a number that a linear layer computes, with its terms, or with why they are not there.
function sumText(view) {
  const { sum, block: { header } } = view;
  if (isComplete(sum)) return `${termsText(sum, termCount(view))} = ${formatted(sum.value)}`;
  const turned = sum.turn ? `, turned by ${degrees(sum.turn.angle)}` : "";
  return `${formatted(sum.value)}, a sum of products${turned}; ${missingText(sum, header)}`;
}

/**
 * Return the number under the pointer with its computation, or, before anything is pointed at, the largest
 * one.
 * @param {any} view
 */
export function readingOf(view) {
  const { block, step, key } = view, { header: h } = block;
  const readings = [
    normReading,
    vectorReading,
    scoreReading,
    weightReading,
    valueReading,
    joinReading,
    (v) => sumReading(v, ["input", "projected", "sum1"], "attention"),
    unitReading,
    outputReading,
    headReading,
  ];
  return readings[step](view, h, capitalName(key, h));
}

const channelText = (token, j, h) => `${capitalName(token, h)}, channel ${j + 1} of ${h.dim}`;

function normReading(view, h) {
  const { block, token, j } = view, parts = normOf(view);
  const text = parts ? normText(parts) : formatted(rowOf(block, "input", token)[j]);
  return `${channelText(token, j, h)}: ${text}.`;
}

function vectorReading(view, h) {
  const { block, head, sum } = view;
  const word = { q: "query", k: "key", v: "value" }[sum.part];
  return `${capitalName(sum.token, h)}, number ${sum.j + 1} of ${block.size} of its ${word} in head ${
    head + 1
  }: ${sumText(view)}.`;
}

function scoreReading({ block, panel, query, key, head, j, attention }, _, name) {
  const q = headPart(block, "q", query, head), k = headPart(block, "k", key, head), s = attention.scores[key];
  if (["q row", "k row", "products"].includes(panel)) {
    return `${name}: number ${j + 1} of query and key, ${productText([q[j]], [k[j]])} = ${
      formatted(q[j] * k[j])
    }.`;
  }
  return `${name}: q \u00b7 k = ${productText(q, k)} = ${formatted(s * Math.sqrt(block.size))}; ` +
    `divided by \u221a${block.size}: ${formatted(s)}.`;
}

function weightReading({ block, panel, head, key, attention, temperature }, h, name) {
  const sum = `${formatted(receivedBy(block, head)[key])} in sum from all ${h.tokens} queries`;
  if (panel === "received") {
    return `${name} gets weights of ${sum}${temperature === 1 ? "" : " at temperature 1"}. The mean is 1, ` +
      "since the weights of each query sum to 1.";
  }
  const { scores, weights } = attention, shift = shiftOf(scores, temperature);
  const exps = Array.from(scores, (s) => Math.exp((s - shift) / temperature));
  const total = exps.reduce((a, b) => a + b, 0);
  let exponent = formatted(scores[key]);
  if (shift) exponent = joinedTerms([exponent, formatted(-shift)]);
  if (temperature !== 1) exponent = `${shift ? `(${exponent})` : exponent} / ${formatted(temperature)}`;
  return `${name}: exp(${exponent}) / ${formatted(total)} = ` +
    `${formatted(exps[key])} / ${formatted(total)} = ${inPercent(weights[key])}.` +
    (temperature === 1 ? ` It gets ${sum}.` : "");
}

function valueReading({ block, panel, query, key, head, j, attention }, _, name) {
  const { weights, lengths, contributions, mixed } = attention;
  if (panel === "z") {
    const values = Array.from(weights, (_, t) => headPart(block, "v", t, head)[j]);
    return `Number ${j + 1} of ${block.size}: ${productText(weights, values)} = ${formatted(mixed[j])}, ` +
      "each product a weight times a value.";
  }
  const total = contributions.reduce((a, b) => a + b, 0);
  const one = panel === "v" ? ` Its number ${j + 1}: ${formatted(headPart(block, "v", key, head)[j])}.` : "";
  return `${name}: weight ${inPercent(weights[key])} \u00d7 norm ${formatted(lengths[key])} of its value = ` +
    `${formatted(contributions[key])}, ${inPercent(contributions[key] / total)} of the sum of all norms.${
      one || inAllHeads(block, query, key)
    }`;
}

// What a token adds in all heads together.
function inAllHeads(block, query, key) {
  const norms = rowOf(block, "tokenNorms", query), total = norms.reduce((a, b) => a + b, 0);
  return ` In all heads: ${formatted(norms[key])}, ${inPercent(norms[key] / total)}.`;
}

function joinReading(view, h) {
  const { block, panel, token, j, sum } = view;
  if (panel === "parts") {
    const norms = rowOf(block, "headNorms", token), total = norms.reduce((a, b) => a + b, 0);
    return `Head ${j + 1} adds a vector of norm ${formatted(norms[j])} to the output, ${
      inPercent(norms[j] / total)
    } of all norms. Click to choose this head.`;
  }
  if (!panel?.startsWith("joined")) return `${channelText(token, sum.j, h)}: ${sumText(view)}.`;
  const value = rowOf(block, "joined", token)[j], head = Math.floor(j / block.size);
  return `${channelText(token, j, h)}: ${formatted(value)}, number ${(j % block.size) + 1} of head ${
    head + 1
  }.`;
}

// A residual sum, or the layer norm after it if that is pointed at.
function sumReading(view, [before, part, sum], name) {
  const { block, step, panel, token, j } = view, { header: h } = block;
  const at = (array) => rowOf(block, array, token)[j], result = normalizedName(step, block);
  if (result && panel?.startsWith(result)) return `${channelText(token, j, h)}: ${normText(normOf(view))}.`;
  const text = `${formatted(at(before))} + ${formatted(at(part))}`.replace("+ \u2212", "\u2212 ");
  const normed = result ? `; normalized ${formatted(at(result))}` : "";
  return `${channelText(token, j, h)}: ${text} (${name}) = ${formatted(at(sum))}${normed}.`;
}

function unitReading(view, h) {
  const { block, token, j, sum } = view;
  const active = rowOf(block, "active", token)[j];
  const activation = `${ACTIVATION_NAMES[h.activation]}(${formatted(sum.value)}) = ${formatted(active)}`;
  return `${capitalName(token, h)}, unit ${j + 1}: ${sumText(view)}; ${activation}.`;
}

function outputReading(view, h) {
  const { panel, sum, token } = view;
  if (panel?.startsWith("mlp")) return `${channelText(token, sum.j, h)}: ${sumText(view)} (MLP).`;
  return sumReading(view, ["middle", "mlp", "sum2"], "MLP");
}
