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
import { readingOf } from "../../../dashboard/components/block/readings.js";
import { overlayOf } from "../../../dashboard/components/block/image.js";
import { KEY } from "../../../dashboard/components/block/marks.js";
import { paintBlock } from "../../../dashboard/components/block/scene.js";
import { CLASSIFIER, JOIN, QKV, SCORES, VALUES } from "../../../dashboard/components/block/steps.js";
import { factsOf, formulaOf, sentenceOf, titleOf } from "../../../dashboard/components/block/words.js";
import { near, small, viewOf } from "./small_block.js";

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

Deno.test("every step has panels inside the drawing, on wide and narrow screens, in all norms", () => {
  for (const [w, high] of [[1200, 300], [1000, 400], [550, 260], [360, 800]]) {
    for (const norm of ["pre", "post", "cct"]) {
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

Deno.test("on a phone, the rows of every list have space for their text", () => {
  for (let step = 0; step <= CLASSIFIER; step++) {
    const { panels } = arrange(viewOf(step, { w: 346, h: 852 }));
    for (const { kind, id, items, box } of panels) {
      if (kind === "list") assert.ok(box.h / items.length >= 16, `${id} of step ${step + 1}`);
    }
  }
});

Deno.test("the list of a layer norm begins with the symbol that the formula normalizes", () => {
  for (const [norm, step, symbol] of [["pre", 0, "x"], ["pre", 6, "y"], ["post", 6, "s"], ["cct", 6, "s"]]) {
    const view = viewOf(step, { w: 1200 }, { norm });
    const { items } = arrange(view).panels.find(({ id }) => id === "norm terms");
    assert.equal(items[0].label, symbol);
    assert.ok(formulaOf(view).includes(`(<i>${symbol}</i> \u2212 \u03bc)`));
  }
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

Deno.test("the largest weight is stated with and without the division of the scores", () => {
  const view = viewOf(2), { scores, weights } = view.attention;
  const best = scores.indexOf(Math.max(...scores)), products = Array.from(scores, (s) => s * Math.SQRT2);
  const share = Math.exp(products[best]) / products.reduce((sum, s) => sum + Math.exp(s), 0);
  const facts = factsOf(view);
  assert.ok(facts.includes(` ${inPercent(weights[best])}, of `), facts);
  assert.ok(facts.endsWith(`\u221a2: ${inPercent(share)}.`), facts);
});

// The calls of the painter when a step is drawn, as lists of arguments.
function drawn(view) {
  const calls = [], p = new Proxy({}, { get: () => (...args) => calls.push(args) });
  const names = ["q", "k", "v", "joined", "projected"];
  const canvases = Object.fromEntries(names.map((name) => [name, { width: 5, height: 4 }]));
  const tables = {
    diverging: new Uint32Array(256),
    colors: new Uint32Array(256),
    limits: { heads: 1, joined: 1, stream: 1 },
  };
  paintBlock({ ...view, ...tables, canvases, layout: arrange(view) }, p, { mark: "the mark of numbers" });
  return calls;
}

Deno.test("the key has its color in the image, and in every matrix, bars and list of tokens", () => {
  for (const step of [QKV, SCORES, 3, VALUES]) {
    const view = viewOf(step), { image, panels } = arrange(view);
    const marks = drawn(view).filter((args) => [args.at(-1)?.stroke, args.at(-1)?.fill].includes(KEY));
    const isMarked = ({ x, y, w, h }) =>
      marks.some(([left, top]) => left > x - 3 && left < x + w && top > y - 3 && top < y + h);
    assert.ok(isMarked({ x: image.x, y: image.y + image.size / 2, w: 3, h: 3 })); // row 2, column 1
    for (const { id, kind, axis, follows, box } of panels) {
      if (kind === "list" ? id !== "terms" : axis === "token" || (follows && kind === "matrix")) {
        const column = kind === "list" ? box : { ...box, x: box.x + 3 * box.w / 5, w: 3 };
        assert.ok(isMarked(column), `${id} of step ${step + 1}`);
      }
    }
  }
});

Deno.test("next to another stepper, lists have whole labels and numbers", () => {
  const cut = [];
  for (const step of [3, VALUES, JOIN]) {
    const view = viewOf(step, { w: 569, h: 242 });
    const texts = drawn(view).filter(([text]) => typeof text === "string");
    const list = arrange(view).panels.find(({ kind }) => kind === "list");
    for (const { label, text } of list.items) {
      const ends = texts.filter(([one]) => one === text).map(([, x]) => x);
      if (!texts.some(([one]) => one === label)) cut.push(label);
      if (!ends.length || Math.max(...ends) > 569) cut.push(text);
    }
  }
  assert.deepEqual(cut, []);
});

Deno.test("a value is written out with what its token adds in all heads", () => {
  const view = viewOf(4), part = view.attention.contributions[3]; // of the key
  const all = Array.from(view.attention.contributions).reduce((a, b) => a + b);
  const text = readingOf(view);
  assert.match(text, /In all heads: 4\.000, 26\.7\u00a0%\.$/);
  assert.ok(text.includes(`= ${formatted(part)}, ${inPercent(part / all)}`), text);
  const { items } = arrange(view).panels.find(({ id }) => id === "all heads");
  assert.deepEqual(items.map(({ token }) => token), [4, 3, 2, 1, 0]);
  assert.deepEqual(items.map(({ label }) => label), ["r2 c2", "r2 c1", "r1 c2", "r1 c1", "CLS"]);
  near(items[0].value, 5 / 15);
  const shown = [null, "all heads"].map((panel) => [...overlayOf({ ...view, panel }).values]);
  assert.deepEqual(shown, [[...view.attention.contributions], [1, 2, 3, 4, 5]]);
});

Deno.test("the formula of the softmax subtracts the largest score if the number does", () => {
  const small = viewOf(3), scores = Float32Array.of(20, 19, 1, 18, 2);
  const large = { ...small, attention: { ...small.attention, scores } };
  assert.doesNotMatch(formulaOf(small), /max/);
  assert.match(formulaOf(large), /\(.*s.*\u2212 max .*\) \/ \u03c4/);
  assert.match(readingOf(large), /exp\(18\.00 \u2212 20\.00\) \/ 1\.5/); // 1 + 1/e + 1/e^2 + ...
  assert.doesNotMatch(readingOf(small), /exp\([^)]* \u2212 /);
});

Deno.test("the weights of a query sum to 1, and what a key gets from all queries is written out", () => {
  const view = viewOf(3);
  near(view.attention.weights.reduce((a, b) => a + b, 0), 1);
  assert.match(readingOf(view), /It gets 3\.000 in sum from all 5 queries\.$/);
  assert.match(readingOf({ ...view, panel: "received" }), /^Row 2, column 1 gets weights of 3\.000 in sum /);
  assert.doesNotMatch(readingOf({ ...view, temperature: 2 }), /queries/); // those are the model's
  const { values } = arrange(view).panels.find(({ id }) => id === "received");
  assert.deepEqual([...values], [0.25, 0.5, 1, 3, 0.25]);
});

Deno.test("a changed temperature is said not to be the model's", () => {
  assert.ok(sentenceOf(viewOf(3, { temperature: 2 })).includes("not the model's"));
  assert.ok(!sentenceOf(viewOf(3)).includes("not the model's"));
});

Deno.test("a unit is active if it is positive before the activation, in a talk too", () => {
  // before GELU: cos 6, cos 7, ..., cos 11 = 0.960, 0.754, -0.146, -0.911, -0.839, 0.004
  const facts = factsOf(viewOf(7, { token: 1, j: 0 }));
  assert.ok(facts.startsWith("3 of 6 units are positive before GELU. Unit 1: "), facts);
  const inTalk = factsOf(viewOf(7, { token: 1, j: 0 }, { talk: true }));
  assert.equal(inTalk, "3 of 6 units are positive before GELU.");
});

Deno.test("a block with post-norm begins with its input, and its sums are normalized", () => {
  const view = viewOf(6, {}, { norm: "post" });
  assert.equal(titleOf(view.block, 0), "Input");
  assert.equal(titleOf(small(), 0), "Layer norm");
  assert.ok(readingOf(view).includes("; normalized "));
  assert.ok(readingOf(viewOf(6)).includes("; normalized "));
  assert.ok(!readingOf(viewOf(8)).includes("normalized"));
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
  assert.deepEqual(rows(2)[0], [
    "token",
    "score",
    "weight",
    "sum over queries",
    "norm of value",
    "weight x norm",
    "norm of all heads",
  ]);
  assert.deepEqual(rows(4).map((row) => row[6]).slice(1), [1, 2, 3, 4, 5]);
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
