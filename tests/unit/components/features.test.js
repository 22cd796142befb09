// The view of token features: its message, similarities, state, layout and texts.

import assert from "node:assert/strict";
import { keepFeatures, similarities, unpackFeatures } from "../../../dashboard/components/features/data.js";
import { featuresCellUnder, featuresPlan, spanOf } from "../../../dashboard/components/features/scene.js";
import { featuresAddress, readFeaturesState } from "../../../dashboard/components/features/state.js";
import {
  componentLabels,
  featuresHint,
  featuresReading,
  pointName,
  spanLabels,
} from "../../../dashboard/components/features/words.js";

const HEADER = {
  layers: 3,
  tokens: 6,
  side: 2,
  first: 2,
  prefix: ["cls", "register1"],
  dim: 2,
  size: 2,
  choices: {
    feature: ["similarity", "components", "norm"],
    point: ["block", "input", "norm"],
    span: ["shared", "map"],
  },
};

function messageOf(header, ...arrays) {
  const text = new TextEncoder().encode(JSON.stringify(header).padEnd(1000)), length = text.length;
  const parts = [new Uint8Array(new Uint32Array([length]).buffer), text];
  parts.push(...arrays.map((array) => new Uint8Array(array.buffer)));
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

Deno.test("a message is split into norms, unit features, colors and the image", () => {
  const header = { ...HEADER, sent: [1, 4], shares: [[0.5, 0.2, 0.1], [0.9, 0.1, 0]] };
  const norms = Float32Array.from({ length: 5 * 6 }, (_, i) => i);
  const halves = Uint16Array.from({ length: 2 * 12 }, (_, i) => i < 12 ? 0x3c00 : 0xb800); // 1 and -0.5
  const colors = Uint8Array.from({ length: 2 * 12 }, (_, i) => i), image = new Uint8Array(12).fill(9);
  const found = unpackFeatures(messageOf(header, norms, halves, colors, image));
  assert.deepEqual([...found.norms], [...norms]);
  assert.deepEqual([...found.features.keys()], [1, 4]);
  assert.deepEqual([...found.features.get(1).units], Array(12).fill(1));
  assert.deepEqual([...found.features.get(4).units], Array(12).fill(-0.5));
  assert.deepEqual([...found.features.get(4).colors], [...colors.subarray(12)]);
  assert.deepEqual(found.features.get(4).shares, [0.9, 0.1, 0]);
  assert.deepEqual([...found.image], [...image]);
});

Deno.test("similarities are the cosines of the angles between features", () => {
  const angles = [0, 30, 90, 180, 300].map((degrees) => (degrees * Math.PI) / 180);
  const units = Float32Array.from(angles.flatMap((a) => [Math.cos(a), Math.sin(a)]));
  const found = similarities(units, 1, 2);
  angles.forEach((a, i) => assert.ok(Math.abs(found[i] - Math.cos(a - angles[1])) < 1e-6));
  const beyond = similarities(Float32Array.from([1.001, 0, -1.001, 0]), 0, 2); // rounded to half precision
  assert.deepEqual([...beyond], [1, -1]);
});

Deno.test("the oldest features are dropped, but none of the newest message", () => {
  const one = (length) => ({ units: new Float32Array(length), colors: null, shares: null });
  const kept = new Map();
  keepFeatures(kept, new Map([[1, one(10)]]), 100);
  keepFeatures(kept, new Map([[2, one(10)]]), 100);
  assert.deepEqual([...kept.keys()], [1, 2]);
  keepFeatures(kept, new Map([[3, one(10)]]), 100);
  assert.deepEqual([...kept.keys()], [2, 3]);
  keepFeatures(kept, new Map([[4, one(100)]]), 100);
  assert.deepEqual([...kept.keys()], [4]);
});

Deno.test("the state is read from a link and written back to it", () => {
  const links = {
    "": 3,
    "layer=2": 2,
    "layer=3": 3,
    "layer=4": 3,
    "layer=mean": 3,
    "point=input": 0,
    "point=norm": 4,
    "point=norm&layer=2": 4,
    "point=elsewhere&layer=1": 1,
  };
  for (const [link, index] of Object.entries(links)) {
    assert.equal(readFeaturesState(link, HEADER).index, index, link);
  }
  for (let index = 0; index <= 4; index++) {
    const state = { query: 3, feature: "norm", span: "map", index, overlay: false };
    const parameters = Object.entries(featuresAddress(state, HEADER)).filter(([, text]) => text !== null);
    assert.deepEqual(readFeaturesState(String(new URLSearchParams(parameters)), HEADER), state);
  }
  const plain = readFeaturesState("", HEADER);
  assert.ok(Object.values(featuresAddress(plain, HEADER)).every((text) => text === null));
});

Deno.test("the maps are as large as fits, and each is found under the pointer", () => {
  for (const [count, w, h, zoom] of [[8, 600, 400, 1], [14, 560, 330, 1.5], [26, 300, 900, 1]]) {
    const plan = featuresPlan(count, w, h, zoom);
    assert.ok(plan.width <= w && plan.height <= h);
    for (const { index, left, top } of plan.cells) {
      assert.equal(featuresCellUnder(plan, zoom * (left + 1), zoom * (top + plan.unit - 1)), index);
    }
    assert.equal(featuresCellUnder(plan, zoom * (w + 500), 5), null);
  }
  assert.equal(featuresPlan(26, 60, 60).unit, 26); // too little space: the grid scrolls
});

Deno.test("a color scale is shared, or that of a map: norms from 0, cosines from the lowest", () => {
  const values = [0.5, 2, 1];
  assert.deepEqual(spanOf(values, "similarity", [-1, 1]), [-1, 1]);
  assert.deepEqual(spanOf(values, "similarity", null), [0.5, 2]);
  assert.deepEqual(spanOf(values, "norm", null), [0, 2]);
  assert.deepEqual(spanLabels({ state: { span: "shared" }, limits: [-1, 1] }), ["\u22121.00", "1.00"]);
});

Deno.test("the reading has the value under the pointer, or the most similar other patch", () => {
  const view = {
    header: HEADER,
    state: { feature: "similarity" },
    values: [0.1, -0.2, 1, 0.3, 0.9, 0.4],
    colors: Uint8Array.from([0, 51, 255, ...Array(9).fill(0)]),
    hoveredPatch: null,
    shown: 2,
  };
  assert.equal(
    featuresReading(view),
    "Most similar: 0.90 at row 2, column 1.\nCLS: 0.10, register 1: \u22120.20.",
  );
  const pointed = featuresReading({ ...view, hoveredPatch: 1 });
  assert.ok(pointed.startsWith("Cosine 0.30 at row 1, column 2."));
  const components = { ...view, state: { feature: "components" }, hoveredPatch: 0 };
  assert.ok(featuresReading(components).includes("0.00, 0.20, 1.00 at row 1, column 1"));
  const norms = { ...view, state: { feature: "norm" }, values: [1, 2, 3, 12.34, 5, 6] };
  assert.ok(
    featuresReading(norms).startsWith("Norm 3.00 at row 1, column 1. Largest: 12.3 at row 1, column 2."),
  );
  assert.ok(!/\d/.test(featuresReading({ ...view, colors: null, values: null })));
});

Deno.test("the hint says how to load the layers of a large model", () => {
  const state = { feature: "similarity", query: 3 }, view = { header: HEADER, state };
  assert.ok(featuresHint({ ...view, missing: true }).includes("layer"));
  assert.equal(featuresHint({ ...view, missing: false }), "");
  assert.equal(featuresHint({ ...view, state: { ...state, feature: "norm" }, missing: true }), "");
});

Deno.test("points and components have names", () => {
  const names = [0, 2, 4].map((index) => pointName(index, HEADER));
  assert.deepEqual(names, ["Before the first block", "After block 2", "After the last layer norm"]);
  assert.ok(componentLabels([0.48, 0.1, 0.05])[0].includes("48"));
});
