// The words of the stepper and of the explorer.

import assert from "node:assert/strict";
import {
  hintOf,
  nameOfCell,
  percent,
  readingOf,
  scaleEnds,
  titleOf,
} from "../../../dashboard/components/explorer/words.js";
import { stepRows } from "../../../dashboard/components/stepper/files.js";
import { spotWords, stepWords, TITLES } from "../../../dashboard/components/stepper/words.js";

// An image of 4 x 4 pixels, numbered, in patches of 2 x 2; tokens of 2 numbers.
function stepper(changes = {}) {
  const header = { size: 4, patch: 2, tokens: 5, dim: 2, position: "learned", note: "" };
  const pixels = Uint8Array.from({ length: 48 }, (_, i) => i);
  const tokens = Float32Array.from({ length: 10 }, (_, i) => i), positions = tokens.map((v) => -v / 4);
  const value = (patch, j) => 1000 * patch + j;
  const shape = { side: 2, count: 4, inside: 12, first: 1, known: true, chosen: 2, spot: null, step: 0 };
  return { header, pixels, tokens, positions, value, ...shape, ...changes };
}

const SHAPES = ["[0]", "[1]", "[2]", "[3]", "[4]"];

Deno.test("every step has a sentence that begins with its shape and counts its numbers", () => {
  const words = stepWords(stepper(), SHAPES);
  assert.equal(words.length, TITLES.length);
  words.forEach((text, i) => assert.ok(text.startsWith(`[${i}]: `), text));
  assert.match(words[0], /4 x 4 pixels in three colors, 48 numbers/);
  assert.match(words[1], /2 x 2 squares of 2 x 2 pixels/);
  assert.match(words[2], /4 tokens of 3 x 2 x 2 = 12 numbers/);
  assert.match(words[3], /12 numbers of every patch into 2\. In front comes CLS/);
  assert.doesNotMatch(stepWords(stepper({ first: 0 }), SHAPES)[3], /CLS/);
});

Deno.test("a note stands in place of what is not known of a model", () => {
  const one = stepper();
  const words = stepWords({ ...one, header: { ...one.header, note: "Untrained." } }, SHAPES);
  assert.deepEqual(words.slice(3), ["Untrained.", "Untrained."]);
  assert.ok(words[2].startsWith("[2]"));
});

Deno.test("the number under the pointer is named with its channel, or as a sum", () => {
  assert.equal(spotWords(stepper()), "Patch 3: row 2, column 1.");
  const spot = { patch: 2, token: 3, j: 1 };
  assert.match(spotWords(stepper({ step: 2, spot: { ...spot, j: 7 } })), /Number 8 of 12, green: 2007\.$/);
  assert.match(spotWords(stepper({ step: 3, spot })), /Number 2 of 2: 7\.00\.$/);
  assert.match(spotWords(stepper({ step: 4, spot })), /Number 2 of 2: 7\.000 \u2212 1\.750 = 5\.250\.$/);
  assert.match(spotWords(stepper({ step: 4, spot: { token: 0, j: null } })), /^CLS: no pixels/);
});

Deno.test("a step's numbers as rows: pixels, patches, tokens and sums", () => {
  assert.deepEqual(stepRows(stepper()).slice(0, 3), [
    ["row", "column", "red", "green", "blue"],
    [1, 1, 0, 1, 2],
    [1, 2, 3, 4, 5],
  ]);
  const patches = stepRows(stepper({ step: 1 }));
  assert.deepEqual(patches[0].slice(0, 7), ["row", "column", "red 1", "red 2", "red 3", "red 4", "green 1"]);
  assert.deepEqual(patches[4].slice(0, 4), [2, 2, 3000, 3001]);
  const sums = stepRows(stepper({ step: 4 }));
  assert.deepEqual(sums[0], ["part", "row", "column", 1, 2]);
  assert.deepEqual(sums[1], ["patches", "CLS", "", 0, 1]);
  assert.deepEqual(sums[1 + 2 * 5 + 3], ["sum", 2, 1, 4.5, 5.25]); // patch 3: token 3, numbers 6 and 7
  assert.equal(sums.length, 1 + 3 * 5);
});

const VIEW = {
  header: { layers: 6, heads: 8, side: 8, first: 1, only: null },
  state: { direction: "queries", scale: "shared", query: 1, second: 64 },
  shown: 10,
  comparing: false,
  hover: null,
  pointed: null,
  rollout: false,
  values: [[0.001, 0.25, 0.02]],
  tops: [0.25],
  mass: 0.5,
};

Deno.test("the title asks who looks where", () => {
  assert.equal(titleOf(VIEW), "Where row 2, column 2 looks");
  assert.equal(
    titleOf({ ...VIEW, state: { ...VIEW.state, direction: "keys" } }),
    "Who looks at row 2, column 2?",
  );
  assert.equal(titleOf({ ...VIEW, comparing: true }), "A (row 1, column 1) minus B (row 8, column 8)");
});

Deno.test("the reading is the largest weight, or the one under the pointer, with the share of CLS", () => {
  assert.equal(readingOf(VIEW), "Largest weight 0.250 at row 1, column 2. On CLS: 50 %.");
  const two = { ...VIEW, values: [[0.001, 0.25], [0.5, 0.125]], pointed: 0 };
  assert.equal(readingOf(two), "Weight 0.0010 and 0.500 at row 1, column 1. On CLS: 50 %.");
  assert.equal(readingOf({ ...VIEW, rollout: true }), "Largest weight 0.250 at row 1, column 2.");
  const keys = { ...VIEW, state: { ...VIEW.state, direction: "keys" }, comparing: true };
  assert.equal(readingOf(keys), "Largest weight 0.250 from row 1, column 2. From CLS: 50 % more.");
});

Deno.test("the ends of the color scale are numbers where one scale holds for all", () => {
  assert.deepEqual(scaleEnds(VIEW), ["0", "one scale for all maps", "0.250"]);
  assert.deepEqual(scaleEnds({ ...VIEW, comparing: true }), ["B more", "±0.250", "A more"]);
  const layer = { ...VIEW, state: { ...VIEW.state, scale: "layer" } };
  assert.deepEqual(scaleEnds(layer), ["0", "maximum of its layer"]);
});

Deno.test("layers and heads count from 1, and the last cell is their mean", () => {
  assert.equal(nameOfCell({ r: 0, c: 7 }, VIEW.header), "Layer 1, head 8");
  assert.equal(nameOfCell({ r: 6, c: 8 }, VIEW.header), "mean over layers, mean over heads");
});

Deno.test("a hint stands only where nothing is chosen, and where maps come one by one", () => {
  const nothing = { ...VIEW, state: { ...VIEW.state, query: null } };
  assert.equal(hintOf(VIEW), "");
  assert.equal(hintOf({ ...nothing, hover: 5 }), "");
  assert.match(hintOf(nothing), /^Hover a patch/);
  assert.match(hintOf({ ...VIEW, header: { ...VIEW.header, only: 3 } }), /click a patch/);
});

Deno.test("shares below a tenth have a decimal", () => {
  assert.deepEqual([0, 0.0994, 0.0996, 0.5, 1].map(percent), ["0.0 %", "9.9 %", "10 %", "50 %", "100 %"]);
});
