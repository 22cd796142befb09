// The sum of products that a number of a linear layer is: an input times a row of weights, and an offset.

import { isStacked, isTight } from "../inside/layout.js";
import { formatted, joinedTerms, productText, signedText, TERMS } from "../shared/numbers.js";
import { largest, largestChannel } from "../shared/vectors.js";
import { headPart, rowOf } from "./data.js";
import { degrees, turnOf } from "./rotary.js";
import { CLASSIFIER, isAttention, JOIN, MLP, OUTPUT, QKV } from "./steps.js";

// What each step computes with weights, of which one is written out: the part of a panel.
const PART_OF = {
  [QKV]: (panel) => /^[qkv]( row)?$/.test(panel) ? panel[0] : null,
  [JOIN]: (panel) => panel.startsWith("projected") ? "projected" : null,
  [MLP]: (panel) => panel === "units" || panel.startsWith("active") ? "hidden" : null,
  [OUTPUT]: (panel) => panel === "image" ? null : "mlp",
  [CLASSIFIER]: (panel) => ["features", "classes"].includes(panel) ? panel : null,
};
const STANDARD = {
  [QKV]: "q",
  [JOIN]: "projected",
  [MLP]: "hidden",
  [OUTPUT]: "mlp",
  [CLASSIFIER]: "classes",
};
const MOST_TERMS = 8;
const LINE = 1170, WRITTEN = 145; // pixels of a long text with the fewest terms, and of another term
const VALUE = { projected: "projected", hidden: "hidden", mlp: "mlp" };
const INPUT = { projected: "joined", hidden: "mlpInput", mlp: "active" };
const LAYER = { projected: "out", hidden: "widen", mlp: "narrow" };

/** Whether a panel shows the terms, so that pointing at it changes nothing. */
export const showsTerms = (panel) => ["products of a sum", "terms", "norm terms"].includes(panel);

/**
 * Return the sum that a hit of the pointer or a pin selects, { part, j }, or null.
 * @param {number} step
 * @param {any} found
 */
export function pointedSum(step, found) {
  const j = found?.j ?? found?.item;
  if (!found || j === undefined) return null;
  if (!found.panel) return keyedSum(step, j);
  const part = PART_OF[step]?.(found.panel);
  return part ? { part, j } : null;
}

/** The sum that the keys select in a step. */
export const keyedSum = (step, j) => STANDARD[step] ? { part: STANDARD[step], j } : null;

/**
 * Return the sum that is written out in a step, or null in a step without weights:
 * - part, j: what it is; token: whose number; value: the number as the model computes it;
 * - layer, row: of the weights that the server has; null if they are part of the message;
 * - inputs, weights, offset, scale: its terms. `weights` is null if the browser does not have them, and
 *   `inputs` if the token's numbers were not sent;
 * - active: a unit of the MLP after the activation;
 * - turn: how rotary positions turned a number of a query or a key, see turnOf;
 * - hasOffset, hasScale: whether the model has these parts.
 * @param {any} view
 */
export function sumOf(view) {
  const { block, step, summed } = view, { header } = block;
  const part = summed?.part ?? STANDARD[step];
  if (!part) return null;
  if (step === CLASSIFIER) return sumOfHead(view, header.outputs ? part : "features");
  if (isAttention(step)) return sumOfVector(view, part, summed?.j ?? view.j);
  const { token } = view, shown = rowOf(block, VALUE[part], token);
  const j = summed?.j ?? (step === JOIN ? largestChannel(shown) : view.j);
  return withWeights(view, {
    part,
    j,
    token,
    value: shown[j],
    layer: LAYER[part],
    row: j,
    inputs: rowOf(block, INPUT[part], token),
    active: part === "hidden" ? rowOf(block, "active", token)[j] : undefined,
    hasOffset: header.biases.block,
    hasScale: header.scaled && part !== "hidden",
  });
}

// A number of the query, the key or the value of a token in a head.
function sumOfVector(view, part, j) {
  const { block, head, query, key } = view, { dim, only, biases } = block.header;
  const token = part === "q" ? query : key, values = headPart(block, part, token, head);
  return withWeights(view, {
    part,
    j,
    token,
    value: values[j],
    turn: turnOf(block, part, token, values, j),
    layer: "qkv",
    row: "qkv".indexOf(part) * dim + head * block.size + j,
    inputs: only === null || only === token ? rowOf(block, "attentionInput", token) : null,
    hasOffset: biases.qkv,
    hasScale: false,
  });
}

// A logit, or a feature of a head with a layer in front of the classifier.
function sumOfHead(view, part) {
  const { block, klass, summed } = view, { header, normalized, features, logits } = block;
  if (part === "classes") {
    const at = header.listed.indexOf(klass), { length } = features;
    return {
      part,
      j: klass,
      value: logits[klass],
      layer: null,
      inputs: features,
      weights: block.classWeights.subarray(at * length, (at + 1) * length),
      offset: block.classBias[at],
      scale: 1,
      hasOffset: true,
      hasScale: false,
    };
  }
  if (!header.head.layer) return null;
  const j = summed?.part === "features" ? summed.j : klass;
  return withWeights(view, {
    part,
    j,
    value: features[j],
    layer: "features",
    row: j,
    inputs: normalized,
    hasOffset: header.head.layer === "tanh",
    hasScale: false,
  });
}

const MISSING = { weights: null, offset: 0, scale: 1 };

// Add the row of weights to a sum, if the browser has it.
const withWeights = (view, sum) => ({
  ...sum,
  ...(view.weightRows.row(view.block.header, sum.layer, sum.row) ?? MISSING),
});

/**
 * Return the products of a sum, the sum itself with its offset, and the number after LayerScale.
 * @param {any} sum with weights
 */
export function productsOf({ inputs, weights, offset, scale }) {
  const products = Float64Array.from(inputs, (x, i) => x * weights[i]);
  const total = products.reduce((a, b) => a + b, 0) + offset;
  return { products, total, scaled: total * scale };
}

/** Whether the terms of a sum can be written out. */
export const isComplete = (sum) => Boolean(sum?.weights && sum.inputs);

/**
 * Return how many products of a sum are written out: the same number in the list and in the text below the
 * drawing, which has one line.
 * @param {{ w: number, h: number }} view
 */
export function termCount(view) {
  if (isTight(view) || isStacked(view)) return TERMS;
  const inText = TERMS + Math.floor((view.w - LINE) / WRITTEN), inList = Math.floor((view.h - 140) / 28);
  return Math.max(TERMS, Math.min(MOST_TERMS, inText, inList));
}

/**
 * Return a sum with its largest terms written out, without its value.
 * @param {any} sum complete
 * @param {number} count of terms
 */
export function termsText(sum, count) {
  const { inputs, weights, offset, scale, hasOffset, hasScale, turn } = sum;
  const text = productText(inputs, weights, hasOffset ? [offset] : [], count) +
    (hasOffset ? " (offset)" : "");
  if (turn) {
    const { angle, cos, sin, before, partner, other } = turn;
    const terms = [
      `${formatted(before)} \u00d7 ${signedText(cos)}`,
      `${formatted(other)} \u00d7 ${signedText(sin)}`,
    ];
    return `${text} = ${formatted(before)}; turned by ${degrees(angle)} with number ${partner + 1}: ` +
      joinedTerms(terms);
  }
  return hasScale ? `(${text}) \u00d7 ${signedText(scale)} (LayerScale)` : text;
}

/** Return why the terms of a sum are not written out. */
export function missingText(sum, { standalone }) {
  if (!sum.inputs) return "choose this token to see the terms";
  return standalone ? "its weights are not in this file" : "loading its weights";
}

/**
 * Return the rows of the list of terms: the `most` largest products, the sum of the others, the offset, and
 * the sum itself.
 * @param {any} sum complete
 * @param {number} most
 */
export function termRows(sum, most) {
  const { inputs, weights, offset, scale, hasOffset, hasScale, turn } = sum;
  const { products, total } = productsOf(sum);
  const order = largest(products.map(Math.abs), products.length), others = order.slice(most);
  const row = (label, value, bold = false) => ({ label, value, text: formatted(value), bold });
  const rows = order.slice(0, most).map((i) =>
    row(`${i + 1}: ${formatted(inputs[i])} \u00d7 ${signedText(weights[i])}`, products[i])
  );
  if (others.length) {
    rows.push(row(`${others.length} smaller`, others.reduce((rest, i) => rest + products[i], 0)));
  }
  if (hasOffset) rows.push(row("offset", offset));
  rows.push(row("sum", total, true));
  if (hasScale) rows.push(row(`\u00d7 ${signedText(scale)}, LayerScale`, total * scale, true));
  if (turn) {
    const { angle, cos, sin, partner, other } = turn;
    rows.push(row(`\u00d7 ${signedText(cos)}, cos ${degrees(angle)}`, total * cos));
    rows.push(row(`${sum.part}${partner + 1}: ${formatted(other)} \u00d7 ${signedText(sin)}`, other * sin));
    rows.push(row("turned by position", total * cos + other * sin, true));
  }
  if (sum.active !== undefined) rows.push(row("activation", sum.active, true));
  if (sum.part === "features" && hasOffset) rows.push(row("tanh of the sum", sum.value, true));
  return rows;
}

/** Return the name of the number that a sum computes: "k 5", "unit 17". */
export function sumName({ part, j }, { classes }) {
  const words = { projected: "output", hidden: "unit", mlp: "output", features: "feature" };
  return part === "classes" ? classes[j] : `${words[part] ?? part} ${j + 1}`;
}
