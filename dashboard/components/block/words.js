// Texts of the stepper through a block: titles, sentences, formulas, shapes and facts.

import { isStacked, isTight } from "../inside/layout.js";
import { formatted, inPercent } from "../shared/numbers.js";
import { tokenName } from "../shared/tokens.js";
import { cosine, largest, norm, softmax } from "../shared/vectors.js";
import { normsInput, normsSum, rowOf, shiftOf } from "./data.js";
import { headFormula, headSentence, headTitle, readerOf } from "./head.js";
import { CLASSIFIER, JOIN, MLP, NORM, OUTPUT, QKV, RESIDUAL, SCORES, SOFTMAX, VALUES } from "./steps.js";

export const STEP_TITLES = [
  "Layer norm",
  "q, k, v",
  "Scores",
  "Softmax",
  "Values",
  "Join heads",
  "Residual",
  "MLP",
  "Output",
  "Classifier",
];

// Return the title of a step. A block with post-norm begins without a layer norm.
export function titleOf(block, step) {
  if (step === CLASSIFIER) return headTitle(block.header);
  return step === NORM && !normsInput(block) ? "Input" : STEP_TITLES[step];
}

export const ACTIVATION_NAMES = { gelu: "GELU", gelu_tanh: "GELU (tanh)", quick_gelu: "QuickGELU" };

// Return a linear layer of some terms as HTML, with its offset and LayerScale if the model has them.
function linearForm(product, offset, scale) {
  const sum = offset ? `${product} + ${offset}` : product;
  return scale ? `<i>\u03b3</i> \u2299 (${sum})` : sum;
}

/**
 * Return the formula of a step as HTML.
 * @param {any} view
 */
export function formulaOf({ block, step, temperature, attention }) {
  const { size, header: { norm, biases, scaled, activation, rotary } } = block, root = `\u221a${size}`;
  const normed = (x, out) =>
    `<i>${out}</i> = (<i>${x}</i> \u2212 \u03bc) / \u221a(\u03c3\u00b2 + \u03b5) \u00b7 \u03b3 + \u03b2`;
  const plain = (a, b, out) => `<i>${out}</i> = <i>${a}</i> + <i>${b}</i>`;
  const sum = (a, b, out, name) => {
    const s = name === "sum1" ? "s" : "s\u2032";
    return normsSum(block, name) ? `${plain(a, b, s)}, ${normed(s, out)}` : plain(a, b, out);
  };
  const score = (index) => `<i>s<sub>${index}</sub></i>`;
  const exponent = (index) =>
    shiftOf(attention.scores, temperature) ? `(${score(index)} \u2212 max <i>s</i>)` : score(index);
  const stream = normsInput(block) ? "n" : "x";
  return [
    normsInput(block) ? normed("x", "n") : "<i>x</i>",
    `<i>q</i> = ${linearForm(`<i>W<sub>q</sub>${stream}</i>`, biases.qkv && "<i>b<sub>q</sub></i>", false)}` +
    ", the same for <i>k</i> and <i>v</i>" + (rotary ? "; then <i>Rq</i>, <i>Rk</i>" : ""),
    `<i>s<sub>t</sub></i> = <i>q</i> \u00b7 <i>k<sub>t</sub></i> / ${root}`,
    `<i>a<sub>t</sub></i> = exp(${exponent("t")} / \u03c4) / \u03a3<sub><i>u</i></sub> ` +
    `exp(${exponent("u")} / \u03c4), \u03c4 = ${temperature === 1 ? 1 : formatted(temperature)}`,
    "<i>z</i> = \u03a3<sub><i>t</i></sub> <i>a<sub>t</sub>v<sub>t</sub></i>; all heads: \u2016" +
    `${scaled ? "<i>\u03b3</i> \u2299 " : ""}\u03a3<sub><i>h</i></sub> ` +
    "<i>a<sub>t,h</sub>W<sub>o,h</sub>v<sub>t,h</sub></i>\u2016",
    "<i>o</i> = " + linearForm(
      "<i>W<sub>o</sub></i> [<i>z</i><sub>1</sub>, \u2026, <i>z<sub>H</sub></i>]",
      biases.block && "<i>b<sub>o</sub></i>",
      scaled,
    ),
    sum("x", "o", "y", "sum1") + (norm === "pre" ? `, ${normed("y", "n\u2032")}` : ""),
    `<i>m</i> = ${
      linearForm(
        `<i>W</i><sub>2</sub> ${ACTIVATION_NAMES[activation]}(${
          linearForm(
            `<i>W</i><sub>1</sub> ${norm === "pre" ? "<i>n\u2032</i>" : "<i>y</i>"}`,
            biases.block && "<i>b</i><sub>1</sub>",
            false,
          )
        })`,
        biases.block && "<i>b</i><sub>2</sub>",
        scaled,
      )
    }`,
    sum("y", "m", "x\u2032", "sum2"),
    headFormula(block.header),
  ][step];
}

/**
 * Return the shapes of the arrays of a step.
 * @param {any} block
 */
export function shapesOf({ size, header: h }, step) {
  const stream = `[${h.tokens}, ${h.dim}]`;
  return [
    `${stream}`,
    `3 \u00d7 [${h.heads}, ${h.tokens}, ${size}]`,
    `[${h.heads}, ${h.tokens}, ${h.tokens}]`,
    `[${h.heads}, ${h.tokens}, ${h.tokens}]`,
    `[${h.heads}, ${h.tokens}, ${size}]`,
    `${stream}`,
    `${stream}`,
    `${stream}, ${h.hidden} units`,
    `${stream}`,
    `[${h.outputs || h.features}]`,
  ][step];
}

/**
 * Return the sentence of a step.
 * @param {any} view
 */
export function sentenceOf(view) {
  const { block, step, query, head, temperature } = view, { header: h, size } = block;
  const name = tokenName(query, h), changed = temperature !== 1;
  const back = changed ? " This and all later steps use the model's temperature, 1." : "";
  const next = h.layer + 1 < h.layers ? `Block ${h.layer + 2} reads it.` : readerOf(query, h);
  return [
    normsInput(block)
      ? `Each token, a column of ${h.dim} channels, is brought to mean 0 and variance 1, then scaled by ` +
        "\u03b3 and shifted by \u03b2, which are learned for each channel."
      : `Block ${
        h.layer + 1
      } reads the tokens as they are. This model normalizes after each sum (post-norm).`,
    h.rotary
      ? "Each head makes a query (what a token looks for), a key (how it is found) and a value (what it " +
        "passes on). Rotary positions turn the first two by the place of the patch."
      : "Each head turns every token into a query (what it looks for), a key (how it is found) and a value " +
        `(what it passes on), ${size} numbers each.`,
    `The query of ${name} is compared with the key of every token: a dot product, divided by \u221a${size} ` +
    `because ${size} products sum to about \u221a${size} times one of them.`,
    changed
      ? `Temperature ${
        formatted(temperature)
      } is not the model's, which uses 1. Low values sharpen the weights, high values even them out.`
      : `Each score goes through exp, which is positive. Divided by their sum over all ${h.tokens} keys, ` +
        "they are weights that sum to 1.",
    `The output of head ${
      head + 1
    } is the sum of all values, each times its weight: a longer value contributes more. ` +
    (changed
      ? `Temperature ${formatted(temperature)} is not the model's. All heads together use the model's.`
      : isTight(view) || isStacked(view)
      ? ""
      : "On the right: all heads together."),
    `The outputs of the ${h.heads} heads are put next to each other, and one matrix mixes them.${
      h.scaled ? " LayerScale then multiplies each channel by a learned number." : ""
    }${back}`,
    normsSum(block, "sum1")
      ? "The output of attention is added to the token, and the sum is normalized."
      : "Attention does not replace the token: its output is added to it, in the residual stream. " +
        "The MLP, the next step, reads the sum, normalized.",
    `The MLP works on each token alone: ${h.hidden} units, of which ${ACTIVATION_NAMES[h.activation]} ` +
    "brings negative ones close to 0. Each adds its column of W\u2082, times its activation.",
    normsSum(block, "sum2")
      ? `The output of the MLP is added, and the sum is normalized. ${next}`
      : `The output of the MLP is added to the residual stream. ${next}`,
    headSentence(h),
  ][step];
}

/**
 * Return facts about the whole step: norms and angles of the residual stream, or the largest weights.
 * @param {any} view
 */
export function factsOf(view) {
  const { block, step, query, attention } = view, { header: h } = block;
  const row = (name) => rowOf(block, name, query);
  const sums = (before, part, after) => {
    const [x, d, y] = [before, part, after].map(row);
    return `Norm ${formatted(norm(x))} before, ${formatted(norm(d))} added, ${formatted(norm(y))} after. ` +
      `Cosine of before and added ${formatted(cosine(x, d))}, of before and after ${
        formatted(cosine(x, y))
      }.`;
  };
  if (step === NORM || step === QKV) return symbolsFact(view);
  if (step === SCORES) return divisionFact(attention, h, block.size);
  if (step === SOFTMAX) {
    const entropy = attention.weights.reduce((sum, a) => a > 0 ? sum - a * Math.log2(a) : sum, 0);
    const text = `Entropy ${formatted(entropy)} of at most ${formatted(Math.log2(h.tokens))} bits. ` +
      `Uniform weights would be ${inPercent(1 / h.tokens)}.`;
    const matrix = `${h.tokens} \u00d7 ${h.tokens} weights`;
    return h.talk ? text : `${text} Of all ${matrix}, each row sums to 1, and columns do not.`;
  }
  if (step === VALUES) {
    const total = attention.contributions.reduce((a, b) => a + b, 0);
    const text = `The norms of the parts sum to ${formatted(total)}, and the norm of their sum is ${
      formatted(norm(attention.mixed))
    }: they cancel in part.`;
    return h.talk ? text : `${text} W is the matrix of the next step.`;
  }
  if (step === JOIN) return `Norm of the output of attention: ${formatted(norm(row("projected")))}.`;
  if (step === RESIDUAL) return sums("input", "projected", "middle");
  if (step === MLP) return unitFacts(view, h);
  if (step === OUTPUT) {
    const whole = formatted(cosine(row("input"), row("output")));
    const text = sums("middle", "mlp", "output");
    return h.talk ? text : `${text} Cosine over the whole block ${whole}.`;
  }
  return "";
}

// Return what the symbols of the first two steps mean.
function symbolsFact({ block, step }) {
  const normed = normsInput(block);
  if (block.header.talk) return "";
  if (step === NORM) {
    return normed
      ? "\u03bc and \u03c3\u00b2: mean and variance of the token. \u03b5 prevents a division by 0."
      : "";
  }
  return `${
    normed ? "n: the token after layer norm" : "x: the token"
  }. In the products, each weight is a number ` +
    "of the matrix W.";
}

// Return why scores are divided: the largest weight with and without the division.
function divisionFact({ scores, weights }, h, size) {
  const [best] = largest(weights, 1), undivided = softmax(scores, 1 / Math.sqrt(size));
  return `Largest weight after the softmax${h.talk ? "" : " (next step)"}: ${inPercent(weights[best])}, of ${
    tokenName(best, h)
  }. ` +
    `Without the division by \u221a${size}: ${inPercent(undivided[best])}.`;
}

// Return how many units are active, and what excites the unit that is written out. A talk has one line for
// facts, and gets only the first.
function unitFacts({ block, token, j }, h) {
  const active = rowOf(block, "hidden", token).filter((v) => v > 0).length;
  const count = `${active} of ${h.hidden} units are positive before ${ACTIVATION_NAMES[h.activation]}.`;
  if (h.talk) return count;
  const known = h.units.find((one) => one.unit === j);
  const best = known?.values.map((v, i) =>
    `${formatted(v)} (${h.classes[known.labels[i]] ?? "a photograph"})`
  ).join(", ");
  return `${count} Unit ${j + 1}: norm of its vector ${formatted(block.writes[j])}` +
    (best ? `, in test images up to ${best}.` : ".");
}
