// The number of a step that a link names: read, written, and shown by the stepper through a block.

import assert from "node:assert/strict";
import {
  countOf,
  pinAtRest,
  pinOf,
  pinParameters,
  readPin,
} from "../../../dashboard/components/block/pins.js";
import {
  CLASSIFIER,
  JOIN,
  MLP,
  QKV,
  RESIDUAL,
  SCORES,
  VALUES,
} from "../../../dashboard/components/block/steps.js";
import { pointedSum } from "../../../dashboard/components/block/terms.js";
import { readingOf } from "../../../dashboard/components/block/readings.js";
import { drawAxis, legendParts } from "../../../dashboard/components/block/legend.js";
import { small, viewOf } from "./small_block.js";

const linkOf = (block, pin) =>
  new URLSearchParams(Object.entries(pinParameters(block, pin)).filter(([, text]) => text !== null));

/** @type {[number, any, string][]} */
const PINS = [ // step, pin, and its link
  [QKV, { panel: "k row", token: 3, j: 1 }, "array=k-row&token=2.1&number=2"],
  [SCORES, { panel: "scores", token: 0 }, "array=scores&token=cls"],
  [VALUES, { panel: "z", j: 0 }, "array=z&number=1"],
  [JOIN, { panel: "projected", token: 4, j: 3 }, "array=projected&token=2.2&number=4"],
  [RESIDUAL, { panel: "mlpInput row", j: 3 }, "array=mlpInput-row&number=4"],
  [MLP, { panel: "units", j: 5 }, "array=units&number=6"],
  [CLASSIFIER, { panel: "classes", item: 2 }, "array=classes&number=3"],
  [CLASSIFIER, { panel: "normalized", j: 1 }, "array=normalized&number=2"],
];

Deno.test("a link names every pinned number, and is read back", () => {
  const block = small({ layer: 2 });
  for (const [step, pin, text] of PINS) {
    assert.equal(linkOf(block, pin).toString(), text);
    assert.deepEqual(readPin(block, step, new URLSearchParams(text)), pin);
  }
  assert.equal(linkOf(block, null).toString(), "");
  assert.equal(readPin(block, RESIDUAL, new URLSearchParams("array=sum1")), null);
});

Deno.test("a number that this block does not have is not pinned", () => {
  const block = small(), read = (step, text) => readPin(block, step, new URLSearchParams(text));
  for (const [step, count] of [[QKV, 2], [RESIDUAL, 4], [MLP, 6]]) {
    assert.equal(countOf(block, step, null), count);
    assert.notEqual(read(step, `number=${count}`), null);
    assert.equal(read(step, `number=${count + 1}`), null);
  }
  assert.equal(read(CLASSIFIER, "array=classes&number=4"), null);
  const many = small({ listed: [0, 2] });
  assert.equal(readPin(many, CLASSIFIER, new URLSearchParams("array=classes&number=2")), null);
  assert.equal(read(RESIDUAL, "token=3.1&number=9"), null);
});

// The stepper that shows a pin: see `show` in block.js.
const shown = (step, { panel, token = 2, j = null, item = null }, header = {}) =>
  viewOf(step, { panel, token, j, pointedJ: j, summed: pointedSum(step, { panel, j, item }) }, header);

Deno.test("the layer norm before the MLP and those of post-norm are written out if they are pinned", () => {
  const before = readingOf(shown(RESIDUAL, { panel: "mlpInput", token: 3, j: 1 }));
  assert.match(before, /^Row 2, column 1, channel 2 of 4: \(.* \u2212 mean .*\) \/ \u221a\(variance .*/);
  assert.match(before, /\u03b3 2\.000 \+ \u03b2 0\.500 = /);
  const post = { norm: "post" };
  assert.match(readingOf(shown(RESIDUAL, { panel: "middle row", j: 0 }, post)), /variance .* \u03b3 2\.000/);
  assert.match(readingOf(shown(8, { panel: "output", j: 0 }, post)), /variance .* \u03b3 2\.000/);
  assert.doesNotMatch(readingOf(shown(RESIDUAL, { panel: "sum1", j: 1 })), /variance/);
});

Deno.test("without a pin, a link names what stays when the pointer leaves", () => {
  const none = { pin: null, pointedKey: null, pointedJ: null, pointedClass: null, summed: null };
  const rest = (step, changes) => linkOf(small(), pinAtRest({ ...none, step, ...changes })).toString();
  for (let step = 0; step <= CLASSIFIER; step++) assert.equal(rest(step, {}), "");
  assert.equal(rest(QKV, { pointedKey: 3, summed: { part: "v", j: 1 } }), "array=v&token=2.1&number=2");
  assert.equal(rest(SCORES, { pointedKey: 3 }), "token=2.1");
  assert.equal(rest(JOIN, { pointedJ: 1, summed: { part: "projected", j: 3 } }), "number=4");
  assert.equal(rest(CLASSIFIER, { pointedClass: 1 }), "array=classes&number=2");
  const pin = { panel: "sum1", j: 0 };
  assert.equal(rest(RESIDUAL, { pin, pointedJ: 3 }), "array=sum1&number=1");
});

Deno.test("a click on the bars of a token keeps the token, and a click that chooses pins nothing", () => {
  const found = { panel: "k row", j: 1 };
  assert.deepEqual(pinOf({ step: QKV, pointedKey: 3 }, found), { ...found, token: 3 });
  assert.deepEqual(pinOf({ step: QKV, pointedKey: null }, found), found);
  assert.equal(pinOf({ step: JOIN, pointedKey: null }, { panel: "parts", item: 1 }), null);
});

Deno.test("a legend has its colors if they fit, then only its range, and nothing in a tiny place", () => {
  const [wide, narrow] = [
    legendParts("\u2264 \u22121.000", "\u2265 1.000", 300),
    legendParts("0", "1.5", 60),
  ];
  assert.ok(wide.bar > narrow.bar && narrow.bar > 0 && narrow.wide <= 60);
  assert.equal(legendParts("\u22121", "1", 52).bar, 24);
  assert.equal(legendParts("\u22121", "1", 42).bar, 0);
  assert.equal(legendParts("\u22121", "1", 20), null);
});

Deno.test("an axis has its smallest and its largest value, and zero if there is room for it", () => {
  const texts = (high, top, bottom) => {
    const found = [], p = { text: (text) => found.push(text) };
    drawAxis(p, { x: 0, y: 0, h: high }, top, bottom, high * top / (top + bottom), { faint: "" }, {});
    return found;
  };
  assert.deepEqual(texts(100, 2, 1), ["2.000", "\u22121.000", "0"]);
  assert.deepEqual(texts(100, 2, 0), ["2.000", "0"]);
  assert.deepEqual(texts(30, 2, 1), ["2.000", "\u22121.000"]);
  assert.deepEqual(texts(14, 2, 1), ["2.000"]);
});
