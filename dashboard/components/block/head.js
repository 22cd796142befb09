// What the head of a ViT reads and computes: titles, formulas, sentences, and its numbers written out.

import { capitalName, prefixOf } from "../shared/tokens.js";
import { classReading, digits } from "../inside/classes.js";
import { formatted } from "../shared/numbers.js";
import { largest } from "../shared/vectors.js";
import { rowOf } from "./data.js";
import { headNorm, normText } from "./norms.js";
import { isComplete, missingText, termCount, termsText } from "./terms.js";

// Whether a part of what the head reads is a mean over all patches: `mean`, or `sequence`, the weighted one.
const isMean = (part) => part === "mean" || part === "sequence";

// Return the columns of tokens that the head reads, as [first, count] for each part of `pooled`.
export function readColumns(header) {
  const { first, tokens, head } = header;
  return head.reads.map((part) =>
    isMean(part) ? [first, tokens - first] : [prefixOf(header).indexOf(part), 1]
  );
}

// Whether the head reads a token by itself, and not only as a part of a mean.
export const isRead = (token, header) => header.head.reads.includes(prefixOf(header)[token]);

/** Whether the head reads the mean of all patches. */
export const readsMean = ({ head }) => head.reads.some(isMean);

const PARTS = {
  cls: "CLS",
  distillation: "the distillation token",
  mean: "the mean of all patches",
  sequence: "a weighted mean of all patches",
};

const capital = (text) => `${text[0].toUpperCase()}${text.slice(1)}`;

// Return what the head reads, in words: "CLS and the mean of all patches".
export const readText = ({ head }) => head.reads.map((part) => PARTS[part]).join(" and ");

// Return the title of the last step.
export const headTitle = ({ outputs }) => outputs ? "Classifier" : "Features";

// Return the title of the layer between the layer norm and the classifier.
export const layerTitle = ({ head }) => head.layer === "tanh" ? "tanh layer" : "projection";

/** Return the formula of the head as HTML. */
export function headFormula(header) {
  const { head, outputs } = header, mean = head.norm_first ? "mean of LN(<i>x</i>)" : "LN(mean of <i>x</i>)";
  const forms = {
    cls: "LN(<i>x</i><sub>CLS</sub>)",
    distillation: "LN(<i>x</i><sub>D</sub>)",
    mean,
    sequence: "weighted mean of LN(<i>x</i>)",
  };
  const parts = head.reads.map((part) => forms[part]);
  if (head.reads[1] === "distillation") {
    const [a, b] = parts;
    if (!outputs) return `features = (${a} + ${b}) / 2`;
    return `logits = (<i>W</i><sub>1</sub> ${a} + <i>b</i><sub>1</sub> + <i>W</i><sub>2</sub> ${b} + ` +
      "<i>b</i><sub>2</sub>) / 2";
  }
  const read = parts.length > 1 ? `[${parts.join(", ")}]` : parts[0];
  const layers = { tanh: `tanh(<i>V</i> ${read} + <i>c</i>)`, linear: `<i>P</i> ${read}` };
  const features = layers[head.layer] ?? read;
  return outputs ? `logits = <i>W</i> ${features} + <i>b</i>` : `features = ${features}`;
}

/** Return the sentences of the last step. */
export function headSentence(header) {
  const { head, outputs } = header, alone = head.reads.length === 1 && head.reads[0] === "cls";
  const layer = { tanh: " A linear layer with tanh follows.", linear: " A linear projection follows." };
  const last = !outputs
    ? "This model has no classifier: its outputs are the features that one would read."
    : head.reads[1] === "distillation"
    ? "Each has its own classifier, and the logits of both are averaged."
    : "The dot product with a vector for each class is its logit, which softmax turns into a probability.";
  const who = outputs ? "the classifier" : "the head", what = alone ? "CLS alone" : readText(header);
  return `After the last block, ${who} reads ${what}, normalized.${layer[head.layer] ?? ""} ${last}`;
}

/** Return who reads the stream after the last block. */
export function readerOf(query, header) {
  const who = header.outputs ? "The classifier" : "The head", { first } = header;
  const read = query < first ? isRead(query, header) : readsMean(header);
  if (read) {
    return query < first ? `${who} reads it.` : `${who} reads ${PARTS[header.head.reads.find(isMean)]}.`;
  }
  return `${who} reads only ${readText(header)}.`;
}

/**
 * Return the number under the pointer in the last step with its computation, or else the largest logit or
 * feature.
 */
export function headReading(view, h) {
  const { block, panel, j, klass, token, sum } = view;
  const { pooled, normalized, features } = block;
  const part = Math.floor(j / h.dim), channel = j % h.dim, reads = h.head.reads[part];
  if (panel === "pooled" || panel === "normalized") {
    const name = isMean(reads) ? capital(PARTS[reads]) : capitalName(readColumns(h)[part][0], h);
    const text = `${name}, channel ${channel + 1} of ${h.dim}`;
    if (isMean(reads) && h.head.norm_first) {
      return `${text}: ${formatted(pooled[j])}; the ${
        reads === "mean" ? "mean" : "weighted mean"
      } of the normalized patches: ${formatted(normalized[j])}.`;
    }
    const values = pooled.subarray(part * h.dim, (part + 1) * h.dim);
    return `${text}: ${normText(headNorm(block, values, channel))}.`;
  }
  if (panel === "output") return outputNumber(block, token, j, h);
  if (panel === "features" || !h.outputs) {
    const index = panel === "features" ? j : klass, text = `Feature ${index + 1} of ${features.length}: `;
    const value = formatted(features[index]);
    if (sum?.part !== "features") return `${text}${value}.`;
    if (!isComplete(sum)) return `${text}${value}, a sum of products; ${missingText(sum, h)}.`;
    const written = termsText(sum, termCount(view));
    return `${text}${h.head.layer === "tanh" ? `tanh(${written})` : written} = ${value}.`;
  }
  return classReading(block, klass, features, termCount(view));
}

// Return a number of the last block's output. If the head normalizes each token before it takes the mean of
// the patches, the layer norm of a patch is written out.
function outputNumber(block, token, j, h) {
  const values = rowOf(block, "output", token);
  const text = `${capitalName(token, h)}, channel ${j + 1} of ${h.dim}`;
  const averaged = token >= h.first && readsMean(h) && h.head.norm_first;
  return `${text}: ${averaged ? normText(headNorm(block, values, j)) : formatted(values[j])}.`;
}

/** Return the panel with the largest features of a model without a classifier. */
export function featurePanel({ features }) {
  const items = largest(features.map(Math.abs), 10).map((i) => ({
    label: `feature ${i + 1}`,
    value: features[i],
    item: i,
    text: formatted(features[i]),
  }));
  return { kind: "list", id: "classes", items, title: "largest features", left: 82, right: 56, signed: true };
}

/** Return the rows of the CSV file of a model without a classifier: one per feature. */
export const featureRows = ({ features }) => [
  ["feature", "value"],
  ...Array.from(features, (v, i) => [i + 1, digits(v)]),
];
