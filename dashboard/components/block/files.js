// Files of the stepper through a block: the current step as a picture, its numbers as CSV, the view as HTML.

import { CLASSIFIER, JOIN, MLP, NORM, OUTPUT, QKV, RESIDUAL, VALUES } from "./steps.js";
import { tokenName } from "../shared/tokens.js";
import { savePainted } from "../shared/picture.js";
import { fileStem, saveCsv } from "../shared/save.js";
import { themeColors } from "../shared/theme.js";
import { attentionRow, headPart, rowOf } from "./data.js";
import { paintBlock } from "./scene.js";
import { titleOf } from "./words.js";

/** @param {any} stepper */
export function saveBlock(stepper, format) {
  if (format === "html") return stepper.ask("file");
  const { root, block, step } = stepper, edge = 16, top = 40, foot = 26;
  const stem = fileStem(`block ${block.header.layer + 1} ${titleOf(block, step)}`);
  if (format === "csv") return saveCsv(blockRows(stepper), stem);
  const theme = themeColors(root), type = { font: theme.font, size: 14, color: theme.text };
  const size = [stepper.w + 2 * edge, stepper.h + top + edge + foot];
  const textOf = (name) => root.querySelector(name).textContent;
  return savePainted(format, stem, size, theme.background, (p) => {
    p.text(textOf(".inside-text"), edge, 20, type);
    p.moved(edge, top, (q) => paintBlock(stepper, q, theme));
    p.text(textOf(".inside-reading"), edge, top + stepper.h + foot - 4, { ...type, size: 13 });
  });
}

// The arrays of each step, of which the CSV has the rows of the chosen token.
const NAMES = {
  [NORM]: ["input", "attentionInput"],
  [JOIN]: ["joined", "projected"],
  [RESIDUAL]: ["input", "projected", "sum1", "middle"],
  [MLP]: ["hidden", "active"],
  [OUTPUT]: ["middle", "mlp", "sum2", "output"],
};

/**
 * Return the rows of the CSV file. In the steps about attention: a row per token. In the others: a row per
 * number of the chosen token, or per class.
 * @param {any} stepper
 */
export function blockRows({ block, step, query, head, attentionTemperature }) {
  const { header: h, size } = block, digits = (v) => +v.toPrecision(7);
  const tokens = Array.from({ length: h.tokens }, (_, t) => t);
  const name = (t) => tokenName(t, h).replace(",", "");
  const numbered = (letter) => Array.from({ length: size }, (_, j) => `${letter} ${j + 1}`);
  if (step === QKV) {
    const part = (letter, t) => Array.from(headPart(block, letter, t, head), digits);
    const q = (t) => h.only === null || t === h.only ? part("q", t) : Array(size).fill("");
    return [
      ["token", ...["q", "k", "v"].flatMap(numbered)],
      ...tokens.map((t) => [name(t), ...q(t), ...part("k", t), ...part("v", t)]),
    ];
  }
  if (step > QKV && step <= VALUES) {
    const row = attentionRow(block, query, head, attentionTemperature);
    return [
      ["token", "score", "weight", "norm of value", "weight x norm"],
      ...tokens.map((t) => [name(t), row.scores[t], row.weights[t], row.lengths[t], row.contributions[t]])
        .map(([t, ...values]) => [t, ...values.map(digits)]),
    ];
  }
  if (step === CLASSIFIER) {
    const { logits, probabilities, features } = block;
    if (!h.outputs) return [["feature", "value"], ...Array.from(features, (v, i) => [i + 1, digits(v)])];
    return [
      ["class", "logit", "probability"],
      ...Array.from(logits, (v, i) => [h.classes[i], digits(v), digits(probabilities[i])]),
    ];
  }
  const columns = NAMES[step].map((array) => rowOf(block, array, query));
  return [
    [`number of ${name(query)}`, ...NAMES[step]],
    ...Array.from(columns[0], (_, j) => [j + 1, ...columns.map((values) => digits(values[j]))]),
  ];
}
