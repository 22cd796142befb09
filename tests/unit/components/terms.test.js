// The sums that the stepper through a block writes out: their terms by hand, and the rows of weights.

import assert from "node:assert/strict";
import { CLASSIFIER, JOIN, MLP, OUTPUT, QKV } from "../../../dashboard/components/block/steps.js";
import {
  pointedSum,
  sumOf,
  termCount,
  termRows,
  termsText,
} from "../../../dashboard/components/block/terms.js";
import { readRows, WeightRows } from "../../../dashboard/components/block/weights.js";
import { readingOf } from "../../../dashboard/components/block/readings.js";
import { formatted } from "../../../dashboard/components/shared/numbers.js";
import { near, rowsOfSmall, small, viewOf, wave } from "./small_block.js";

const total = (rows, last) => rows.slice(0, last).reduce((sum, { value }) => sum + value, 0);
const product = (input, row) => input.reduce((sum, x, i) => sum + x * wave(10 * row + i), 0);

Deno.test("the terms of every layer add up to the sum of inputs times the row of weights", () => {
  const token = (array, n, width = 4) => Array.from(array.subarray(n * width, (n + 1) * width));
  /** @type {[number, any, (block: any) => number][]} */
  const cases = [ // step, what is pointed at, and the product by hand; the query is token 2, the key token 3
    [QKV, { panel: "q", j: 1 }, ({ attentionInput: n }) => product(token(n, 2), 2 + 1)],
    [QKV, { panel: "k row", j: 0 }, ({ attentionInput: n }) => product(token(n, 3), 4 + 2)],
    [QKV, { panel: "v", j: 1 }, ({ attentionInput: n }) => product(token(n, 3), 8 + 2 + 1)],
    [JOIN, { panel: "projected row", j: 3 }, ({ joined }) => product(token(joined, 2), 3)],
    [MLP, { panel: "units", item: 5 }, ({ mlpInput }) => product(token(mlpInput, 2), 5)],
    [OUTPUT, { panel: "mlp", j: 2 }, ({ active }) => product(token(active, 2, 6), 2)],
  ];
  for (const biases of [{ qkv: true, block: true }, { qkv: false, block: false }]) {
    for (const [step, found, expected] of cases) {
      const view = viewOf(step, { summed: pointedSum(step, found) }, { biases });
      const offset = biases.qkv ? 0.25 : 0, rows = termRows(view.sum, 2);
      const last = rows.findIndex(({ label }) => label === "sum");
      assert.equal(rows.some(({ label }) => label === "offset"), biases.qkv);
      assert.ok(rows.some(({ label }) => label.endsWith(" smaller")));
      near(rows[last].value, expected(view.block) + offset, 1e-5);
      near(total(rows, last), rows[last].value, 1e-6);
    }
  }
});

Deno.test("the text and the list write out the same terms, and more in a larger drawing", () => {
  const all = 400, sizes = [[1200, 300], [1500, 420], [1840, 700], [880, 300], [360, 850]];
  const counts = sizes.map(([w, h]) => termCount({ w, h }));
  assert.deepEqual(counts, [3, 5, 7, 3, 3]);
  const sum = {
    inputs: new Float32Array(all).fill(2),
    weights: new Float32Array(all).fill(1),
    offset: 0,
    scale: 1,
  };
  for (const count of counts) {
    const row = termRows(sum, count).find(({ label }) => label.endsWith(" smaller"));
    assert.equal(row.label, `${all - count} smaller`);
    assert.ok(termsText(sum, count).includes(`${formatted(row.value)} (${all - count} smaller terms)`));
  }
});

Deno.test("LayerScale multiplies the sum of the terms", () => {
  const view = viewOf(JOIN, { summed: { part: "projected", j: 1 } }, { scaled: true });
  const rows = termRows(view.sum, 9), [sum, scaled] = rows.slice(-2);
  near(total(rows, -2), sum.value);
  near(scaled.value, 0.5 * sum.value);
  assert.match(scaled.label, /0\.500/);
  assert.match(readingOf(view), /\) \u00d7 0\.500 \(LayerScale\) = /);
});

Deno.test("the terms of a logit and of a feature add up", () => {
  const logit = viewOf(CLASSIFIER, { klass: 2 }), rows = termRows(logit.sum, 2);
  // features i, weights 8 + i
  near(total(rows, -1), [0, 1, 2, 3].reduce((sum, i) => sum + i * (8 + i), 0.25));
  const head = { reads: ["cls"], norm_first: false, layer: "tanh" };
  const view = viewOf(CLASSIFIER, { summed: { part: "features", j: 3 } }, { head });
  const [sum, value] = termRows(view.sum, 9).slice(-2);
  near(sum.value, product([0, 1, 2, 3], 3) + 0.25);
  assert.equal(value.value, view.block.features[3]);
});

Deno.test("the largest terms come first, and are written out with their inputs and weights", () => {
  const view = viewOf(MLP, { summed: { part: "hidden", j: 4 } }), [first, second] = termRows(view.sum, 2);
  assert.ok(Math.abs(first.value) >= Math.abs(second.value));
  const i = Number(first.label.split(":")[0]) - 1;
  near(first.value, view.sum.inputs[i] * wave(40 + i));
  assert.ok(first.label.includes(formatted(view.sum.inputs[i])));
  assert.ok(readingOf({ ...view, j: 4 }).includes(first.label.split(": ")[1]));
});

Deno.test("without its row of weights, a number is shown without terms", () => {
  const header = { standalone: true }, weightRows = rowsOfSmall(small(), ["out"]);
  const texts = [{}, header].map((more) => readingOf(viewOf(QKV, { weightRows }, more)));
  assert.match(texts[0], /loading its weights/);
  assert.match(texts[1], /not in this file/);
  assert.match(readingOf(viewOf(JOIN, { weightRows }, header)), /\u00d7 .*\(offset\) = /);
});

Deno.test("the key of another token has no terms if only the chosen token was sent", () => {
  const view = (key) => viewOf(QKV, { key, summed: { part: "k", j: 0 } }, { only: 2 });
  assert.equal(view(3).sum.inputs, null);
  assert.notEqual(view(2).sum.inputs, null);
  assert.match(readingOf(view(3)), /choose this token/);
});

Deno.test("only numbers that a layer computes select a sum", () => {
  assert.deepEqual(pointedSum(JOIN, { panel: "projected", j: 2 }), { part: "projected", j: 2 });
  for (const panel of ["joined", "parts", "image"]) assert.equal(pointedSum(JOIN, { panel, j: 1 }), null);
  assert.equal(pointedSum(QKV, { panel: "image", token: 3 }), null);
  assert.equal(pointedSum(2, { panel: "scores", token: 3 }), null);
  assert.equal(sumOf(viewOf(2)), null);
});

Deno.test("rows of weights are kept for the latest blocks", () => {
  const rows = new WeightRows(), sentWeights = [["out", 7, 2, 3]];
  for (let n = 0; n < 13; n++) {
    rows.add({ weights: `block ${n}`, sentWeights }, Float32Array.of(1, 2, n, 3, 4, n));
  }
  assert.equal(rows.row({ weights: "block 0" }, "out", 7), null);
  assert.deepEqual(rows.row({ weights: "block 12" }, "out", 8), {
    weights: Float32Array.of(3),
    offset: 4,
    scale: 12,
  });
  assert.equal(rows.row({ weights: "block 12" }, "out", 9), null);
});

Deno.test("a message with rows alone is told from one with a block", () => {
  const packed = (header, ...floats) => {
    const text = new TextEncoder().encode(JSON.stringify(header).padEnd(64)),
      bytes = new Uint8Array(68 + 4 * floats.length);
    new DataView(bytes.buffer).setUint32(0, text.length, true);
    bytes.set(text, 4);
    bytes.set(new Uint8Array(Float32Array.from(floats).buffer), 68);
    return bytes;
  };
  assert.equal(readRows(packed({ tokens: 5 }, 1)), null);
  assert.deepEqual([...readRows(packed({ rowsAlone: true }, 1, 2)).floats], [1, 2]);
});
