// The numbers of a step through a block as the rows of a CSV file.

import { classRows, digits } from "../inside/classes.js";
import { tokenName } from "../shared/tokens.js";
import { attentionRow, headPart, normsSum, receivedBy, rowOf } from "./data.js";
import { featureRows } from "./head.js";
import { CLASSIFIER, JOIN, MLP, NORM, OUTPUT, QKV, RESIDUAL, VALUES } from "./steps.js";

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
  const { header: h, size } = block;
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
      ["token", "score", "weight", "sum over queries", "norm of value", "weight x norm", "norm of all heads"],
      ...tokens.map((t) => [
        name(t),
        row.scores[t],
        row.weights[t],
        receivedBy(block, head)[t],
        row.lengths[t],
        row.contributions[t],
        rowOf(block, "tokenNorms", query)[t],
      ])
        .map(([t, ...values]) => [t, ...values.map(digits)]),
    ];
  }
  if (step === CLASSIFIER) return h.outputs ? classRows(block) : featureRows(block);
  const names = step === RESIDUAL && !normsSum(block, "sum1") ? [...NAMES[step], "mlpInput"] : NAMES[step];
  const columns = names.map((array) => rowOf(block, array, query));
  return [
    [`number of ${name(query)}`, ...names],
    ...Array.from(columns[0], (_, j) => [j + 1, ...columns.map((values) => digits(values[j]))]),
  ];
}
