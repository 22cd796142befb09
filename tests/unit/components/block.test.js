// The stepper through a block: its computations by hand, its layout, what is under the pointer, and its
// texts.

import { cosine, largest, softmax } from "../../../dashboard/components/shared/vectors.js";
import { formatted, inPercent, productText } from "../../../dashboard/components/shared/numbers.js";
import assert from "node:assert/strict";
import { ACTIVATIONS, attentionRow, gelu, layerNorm } from "../../../dashboard/components/block/data.js";
import { blockRows } from "../../../dashboard/components/block/files.js";
import { arrange, panelTop, prefixPitch } from "../../../dashboard/components/block/panels.js";
import { pointAt } from "../../../dashboard/components/block/pointing.js";
import { headFormula, readColumns } from "../../../dashboard/components/block/head.js";
import { CLASSIFIER, JOIN, MLP, OUTPUT, QKV } from "../../../dashboard/components/block/steps.js";
import { pointedSum, sumOf, termRows } from "../../../dashboard/components/block/terms.js";
import { readRows, WeightRows } from "../../../dashboard/components/block/weights.js";
import { formulaOf, readingOf, sentenceOf, titleOf } from "../../../dashboard/components/block/words.js";

const near = (a, b, error = 1e-6) => assert.ok(Math.abs(a - b) < error, `${a} is not ${b}`);

/**
 * Return a block of 5 tokens (CLS and 2 x 2 patches), 4 channels, 2 heads of 2, 6 units and 3 classes.
 * @returns {any}
 */
function small(changes = {}) {
  const header = {
    tokens: 5,
    dim: 4,
    heads: 2,
    hidden: 6,
    outputs: 3,
    first: 1,
    prefix: ["cls"],
    weights: "made",
    listed: [0, 1, 2],
    features: 4,
    head: { reads: ["cls"], norm_first: false, layer: null },
    activation: "gelu",
    scaled: false,
    biases: { qkv: true, block: true },
    side: 2,
    layer: 1,
    layers: 3,
    norm: "pre",
    eps: [0, 0, 0],
    only: null,
    size: 4,
    units: [],
    searched: 0,
    truth: 1,
    classes: ["cat", "dog", "ship"],
    ...changes,
  };
  const count = (n, value) => Float32Array.from({ length: n }, (_, i) => value(i));
  const stream = () => count(20, (i) => Math.sin(i));
  const names = ["input", "attentionInput", "q", "k", "v", "projected", "sum1", "middle", "mlpInput", "mlp"];
  const arrays = Object.fromEntries([...names, "sum2", "output", "joined"].map((name) => [name, stream()]));
  return {
    header,
    pre: header.norm === "pre",
    rows: 5,
    size: 2,
    ...arrays,
    hidden: count(30, (i) => Math.cos(i)),
    active: count(30, (i) => gelu(Math.cos(i))),
    headNorms: count(10, (i) => i),
    writes: count(6, () => 1),
    ...Object.fromEntries(["scale1", "scale2", "scale3"].map((name) => [name, count(4, () => 2)])),
    ...Object.fromEntries(["offset1", "offset2", "offset3"].map((name) => [name, count(4, () => 0.5)])),
    classWeights: count(12, (i) => i),
    classBias: count(3, () => 0.25),
    pooled: count(4, (i) => i),
    normalized: count(4, (i) => i),
    features: count(4, (i) => i),
    logits: Float32Array.of(1, 3, 2),
    probabilities: softmax([1, 3, 2], 1),
  };
}

const wave = (i) => Math.fround(Math.sin(1.7 * i));

// The layers of the small block: how many rows they have, and how many inputs.
const LAYERS = { qkv: [12, 4], out: [4, 4], widen: [6, 4], narrow: [4, 6], features: [4, 4] };

// Return rows for all layers: row r of a layer has weights wave(10 r + i), offset 0.25 and scale 1 or 0.5.
function rowsOfSmall({ header }, layers = Object.keys(LAYERS)) {
  const rows = new WeightRows();
  for (const layer of layers) {
    const [count, inputs] = LAYERS[layer], floats = [];
    const scale = header.scaled && ["out", "narrow"].includes(layer) ? 0.5 : 1;
    const offset = (layer === "qkv" ? header.biases.qkv : header.biases.block) ? 0.25 : 0;
    for (let r = 0; r < count; r++) {
      for (let i = 0; i < inputs; i++) floats.push(wave(10 * r + i));
      floats.push(offset, scale);
    }
    const sentWeights = [[layer, 0, count, inputs + 2]];
    rows.add({ weights: header.weights, sentWeights }, Float32Array.from(floats));
  }
  return rows;
}

function viewOf(step, changes = {}, header = {}) {
  const block = small(header), query = 2, head = 1;
  const attention = attentionRow(block, query, head);
  const sizes = { w: 1000, h: 400, heights: { active: 6 }, wholes: new Set(["k", "v"]) };
  const pointed = { panel: null, pointedJ: null, key: 3, j: 1, klass: 1, token: query };
  const view = {
    block,
    step,
    query,
    summed: null,
    weightRows: rowsOfSmall(block),
    head,
    temperature: 1,
    attentionTemperature: 1,
    attention,
    ...sizes,
    ...pointed,
    ...changes,
  };
  return { ...view, sum: sumOf(view) };
}

Deno.test("layer norm gives mean 0 and variance 1 before scale and offset", () => {
  const out = layerNorm(Float32Array.of(1, 3, 10, 30), [1, 1], [0, 0], 0);
  assert.deepEqual([...out], [-1, 1, -1, 1]);
  assert.deepEqual([...layerNorm(Float32Array.of(1, 3), [2, 4], [5, 6], 0)], [3, 10]);
});

Deno.test("GELU equals published values of the normal distribution", () => {
  near(gelu(0), 0);
  near(gelu(1), 0.8413447461);
  near(gelu(-1), -0.1586552539);
  near(gelu(3), 3 * 0.9986501020);
  near(gelu(-6), 0);
});

Deno.test("the other activations equal values by hand", () => {
  const { gelu_tanh: byTanh, quick_gelu: quick } = ACTIVATIONS;
  near(byTanh(1), 0.5 * (1 + Math.tanh(0.7978845608 * 1.044715)));
  near(byTanh(-1), byTanh(1) - 1);
  near(quick(1), 0.8457957659); // 1 / (1 + exp(-1.702))
  near(quick(-2), -2 / (1 + Math.exp(3.404)));
  near(quick(-1000), 0);
});

Deno.test("a low temperature sharpens the softmax, and large scores do not overflow", () => {
  near(softmax([0, Math.log(3)], 1)[1], 0.75);
  near(softmax([0, Math.log(3)], 0.5)[1], 0.9);
  near(softmax([900, 900], 1)[0], 0.5);
});

Deno.test("a row of attention is the softmax of scaled dot products, and mixes the values", () => {
  const block = small(), { scores, weights, mixed, contributions } = attentionRow(block, 2, 1);
  const part = (array, token) => [array[4 * token + 2], array[4 * token + 3]];
  const q = part(block.q, 2),
    expected = [0, 1, 2, 3, 4].map((t) => {
      const k = part(block.k, t);
      return (q[0] * k[0] + q[1] * k[1]) / Math.SQRT2;
    });
  expected.forEach((score, t) => near(scores[t], score));
  near(weights.reduce((a, b) => a + b, 0), 1);
  near(mixed[0], [0, 1, 2, 3, 4].reduce((sum, t) => sum + weights[t] * part(block.v, t)[0], 0));
  near(contributions[3], weights[3] * Math.hypot(...part(block.v, 3)));
});

Deno.test("the largest values come first, and vectors at right angles have cosine 0", () => {
  assert.deepEqual(largest([1, 9, 3, 9], 3), [1, 3, 2]);
  near(cosine([1, 0], [0, 2]), 0);
  near(cosine([1, 1], [-2, -2]), -1);
});

Deno.test("numbers have about four digits and a true minus sign", () => {
  assert.deepEqual([1.23456, -12.3456, 123.456, 0.00012345, 0].map(formatted), [
    "1.235",
    "\u221212.35",
    "123.5",
    "0.00012",
    "0.000",
  ]);
});

Deno.test("small shares are not rounded to zero", () => {
  const texts = [0.5, 0.0312, 0.00042, 0.000012, 1e-9, 0].map(inPercent);
  assert.deepEqual(
    texts,
    ["50.0", "3.12", "0.042", "0.0012", "under 0.0001", "0.00"].map((v) => `${v}\u00a0%`),
  );
});

Deno.test("a dot product is written out with its largest terms and the sum of the others", () => {
  const text = productText([1, 2, -3, 0.5, 0.1], [1, 2, 1, 1, 1]);
  assert.equal(
    text,
    "2.000 \u00d7 2.000 \u2212 3.000 \u00d7 1.000 + 1.000 \u00d7 1.000 + 0.600 (2 smaller terms)",
  );
});

Deno.test("every step has panels inside the drawing, on wide and narrow screens, in both norms", () => {
  for (const [w, high] of [[1000, 400], [550, 260], [360, 800]]) {
    for (const norm of ["pre", "post"]) {
      for (let step = 0; step <= CLASSIFIER; step++) {
        const view = viewOf(step, { w, h: high }, { norm });
        const { panels, image } = arrange(view);
        assert.ok(panels.length > 0 && image.size > 80);
        for (const { box, id } of panels) {
          assert.ok(box.x >= 0 && box.x + box.w <= w + 1e-6, `${id} of step ${step + 1} is too wide`);
          if (w > 500) assert.ok(box.x > image.size, `${id} of step ${step + 1} is below the image`);
          assert.ok(box.h > 10 && box.y + box.h <= view.h + 1e-6, `${id} of step ${step + 1} is too high`);
        }
      }
    }
  }
});

Deno.test("the columns of keys and the bars of scores are aligned", () => {
  const { panels } = arrange(viewOf(2)), [keys, scores] = panels;
  assert.deepEqual([keys.box.x, keys.box.w], [scores.box.x, scores.box.w]);
});

Deno.test("the pointer finds patches, CLS, columns of tokens and single numbers", () => {
  const view = viewOf(2), layout = arrange(view), { image } = layout, [keys, scores, q] = layout.panels;
  const at = (x, y) => pointAt(view, layout, x, y);
  assert.deepEqual(at(image.x + 1, image.y + image.size - 1), { panel: "image", token: 3 });
  assert.deepEqual(at(image.x + 5, image.y + image.size + 10), { panel: "image", token: 0 });
  const column = (box, token) => box.x + ((token + 0.5) / 5) * box.w;
  const top = panelTop(keys, 5);
  assert.deepEqual(at(column(keys.box, 4), keys.box.y + top + 1), { panel: "k", token: 4, j: 0 });
  assert.deepEqual(at(column(keys.box, 0), keys.box.y + keys.box.h - 1), { panel: "k", token: 0, j: 1 });
  assert.deepEqual(at(column(scores.box, 2), scores.box.y + 3), { panel: "scores", token: 2 });
  assert.deepEqual(at(q.box.x + 0.9 * q.box.w, q.box.y + 3), { panel: "q row", j: 1 });
  assert.equal(at(image.size + 20, 200), null);
});

Deno.test("the score under the pointer is the dot product that is written out", () => {
  const view = viewOf(2), score = view.attention.scores[3];
  const text = readingOf(view);
  assert.ok(text.startsWith("Row 2, column 1: q \u00b7 k = "), text);
  assert.ok(
    text.endsWith(`= ${formatted(score * Math.SQRT2)}; divided by \u221a2: ${formatted(score)}.`),
    text,
  );
});

Deno.test("a changed temperature is said not to be the model's", () => {
  assert.ok(sentenceOf(viewOf(3, { temperature: 2 })).includes("not the model's"));
  assert.ok(!sentenceOf(viewOf(3)).includes("not the model's"));
});

Deno.test("a block with post-norm begins with its input, and its sums are normalized", () => {
  const view = viewOf(6, {}, { norm: "post" });
  assert.equal(titleOf(view.block, 0), "Input");
  assert.equal(titleOf(small(), 0), "Layer norm");
  assert.ok(readingOf(view).includes("; normalized "));
  assert.ok(!readingOf(viewOf(6)).includes("normalized"));
});

Deno.test("after the last block of a model with CLS, the head does not read a patch", () => {
  const last = { layer: 2 };
  assert.ok(sentenceOf(viewOf(8, {}, last)).endsWith("The classifier reads only CLS."));
  assert.ok(sentenceOf(viewOf(8, { query: 0 }, last)).endsWith("The classifier reads it."));
  assert.ok(sentenceOf(viewOf(8)).endsWith("Block 3 reads it."));
});

const REGISTERS = { first: 3, tokens: 7, prefix: ["cls", "register1", "register2"] };

Deno.test("the boxes below the image are the tokens before the patches", () => {
  const view = viewOf(2, {}, {}), layout = arrange(view), { image } = layout;
  Object.assign(view.block.header, REGISTERS);
  const at = (x) => pointAt(view, layout, x, image.y + image.size + 10);
  assert.deepEqual([2, 24, 46].map((x) => at(x).token), [0, 1, 2]);
  assert.equal(at(image.size - 5), null);
});

Deno.test("the head reads CLS, the patches or both, with the layer norm before or after the mean", () => {
  const formula = (head, outputs = 3) =>
    headFormula({ outputs, head: { norm_first: false, layer: null, ...head } }).replaceAll(
      /<\/?su?[bp]>|<\/?i>/g,
      "",
    );
  assert.equal(formula({ reads: ["cls"] }), "logits = W LN(xCLS) + b");
  assert.equal(formula({ reads: ["mean"] }), "logits = W LN(mean of x) + b");
  assert.equal(formula({ reads: ["mean"], norm_first: true }), "logits = W mean of LN(x) + b");
  assert.equal(
    formula({ reads: ["cls", "mean"], norm_first: true }),
    "logits = W [LN(xCLS), mean of LN(x)] + b",
  );
  assert.equal(formula({ reads: ["cls"], layer: "tanh" }), "logits = W tanh(V LN(xCLS) + c) + b");
  assert.equal(formula({ reads: ["cls"], layer: "linear" }, 0), "features = P LN(xCLS)");
  assert.match(formula({ reads: ["cls", "distillation"] }), /\/ 2$/);
  const header = { ...REGISTERS, head: { reads: ["cls", "mean"] } };
  assert.deepEqual(readColumns(header), [[0, 1], [3, 4]]);
});

Deno.test("a model without a classifier ends with its features", () => {
  const header = { outputs: 0, listed: [], layer: 2 };
  const view = viewOf(CLASSIFIER, { klass: 3, panel: "classes" }, header);
  assert.equal(titleOf(view.block, CLASSIFIER), "Features");
  assert.match(readingOf(view), /^Feature 4 of 4: 3\.000/);
  assert.match(sentenceOf(view), /no classifier/);
  assert.deepEqual(blockRows(view)[2], [2, 1]);
  const ids = arrange(view).panels.map(({ id }) => id);
  assert.deepEqual(ids, ["output", "pooled", "normalized", "classes"]);
});

Deno.test("formulas name the activation, LayerScale and the offsets that a model has", () => {
  const other = { activation: "quick_gelu", scaled: true, biases: { qkv: false, block: false } };
  assert.match(formulaOf(viewOf(7)), /GELU\(.*b.*\) \+ /);
  assert.match(formulaOf(viewOf(7, {}, other)), /\u03b3.*QuickGELU\([^+]*\)\)$/);
  assert.doesNotMatch(formulaOf(viewOf(1, {}, other)), /\+/);
  assert.match(readingOf(viewOf(1, { panel: "q" })), /\(offset\) = /);
  assert.doesNotMatch(readingOf(viewOf(1, { panel: "q" }, other)), /offset/);
  assert.match(readingOf(viewOf(7, {}, other)), /QuickGELU\(/);
});

Deno.test("the files hold a row per token, per number or per class", () => {
  const rows = (step) => blockRows(viewOf(step));
  assert.deepEqual(rows(2)[0], ["token", "score", "weight", "norm of value", "weight x norm"]);
  assert.deepEqual(rows(2).map((row) => row[0]).slice(1, 3), ["CLS", "row 1 column 1"]);
  assert.equal(rows(1).length, 6);
  assert.equal(rows(1)[1].length, 1 + 3 * 2);
  assert.equal(rows(6).length, 5);
  assert.equal(rows(7).length, 7);
  assert.deepEqual(rows(CLASSIFIER)[2].slice(0, 2), ["dog", 3]);
});

Deno.test("the box of a token before the patches is visible below the smallest image", () => {
  for (const size of [90, 120, 300]) assert.ok(prefixPitch(1, size) >= 20);
  assert.ok(5 * prefixPitch(5, 300) <= 300 - 90);
});

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
  near(total(rows, -1), [0, 1, 2, 3].reduce((sum, i) => sum + i * (8 + i), 0.25)); // features i, weights 8 + i
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
