// Texts of the stepper and the explorer. They are checked for their values, not for their wording.

import assert from "node:assert/strict";
import {
  cellName,
  hintText,
  largeEnds,
  readingText,
  referenceName,
  scaleLabels,
  titleText,
} from "../../../dashboard/components/explorer/words.js";
import { percent } from "../../../dashboard/components/shared/numbers.js";
import { stepRows } from "../../../dashboard/components/stepper/files.js";
import { hoverText, stepTexts, TITLES } from "../../../dashboard/components/stepper/words.js";

// A stepper for an image of 4 x 4 numbered pixels, with patches of 2 x 2 pixels and tokens of 2 numbers.
function stepper(changes = {}) {
  const header = { size: 4, patch: 2, tokens: 5, dim: 2, position: "learned", note: "" };
  const pixels = Uint8Array.from({ length: 48 }, (_, i) => i);
  const tokens = Float32Array.from({ length: 10 }, (_, i) => i), positions = tokens.map((v) => -v / 4);
  const value = (patch, j) => 1000 * patch + j;
  const shape = { side: 2, count: 4, perPatch: 12, first: 1, known: true, chosen: 2, hovered: null, step: 0 };
  return { header, pixels, tokens, positions, value, ...shape, ...changes };
}

const SHAPES = ["[0]", "[1]", "[2]", "[3]", "[4]"];

Deno.test("the text of a step begins with its shape and has its sizes", () => {
  const texts = stepTexts(stepper(), SHAPES);
  assert.equal(texts.length, TITLES.length);
  texts.forEach((text, i) => assert.ok(text.startsWith(`[${i}]: `), text));
  assert.match(texts[0], /4 x 4 .*\b48\b/);
  assert.match(texts[1], /2 x 2 .*2 x 2 .*\b12\b/);
  assert.match(texts[2], /\b4 .*3 x 2 x 2 = 12\b/);
  assert.match(texts[3], /\b12 .*\b2\..*CLS/);
  assert.doesNotMatch(stepTexts(stepper({ first: 0 }), SHAPES)[3], /CLS/);
  const registers = stepper();
  registers.header.others = 4;
  assert.match(stepTexts(registers, SHAPES)[3], /CLS.* 4 more learned tokens are not shown\.$/);
});

Deno.test("a note replaces the text of the steps whose values are missing", () => {
  const one = stepper();
  const texts = stepTexts({ ...one, header: { ...one.header, note: "Untrained." } }, SHAPES);
  assert.deepEqual(texts.slice(3), ["Untrained.", "Untrained."]);
  assert.ok(texts[2].startsWith("[2]"));
});

Deno.test("the text has the number under the pointer with its channel, or as a sum", () => {
  assert.match(hoverText(stepper()), /Patch 3\b.*row 2, column 1/);
  const spot = { patch: 2, token: 3, j: 1 };
  assert.match(hoverText(stepper({ step: 2, hovered: { ...spot, j: 7 } })), /8 of 12.*green.*2007/);
  assert.match(hoverText(stepper({ step: 3, hovered: spot })), /2 of 2.*7\.00/);
  assert.match(
    hoverText(stepper({ step: 4, hovered: spot })),
    /2 of 2.*7\.000 \u2212 1\.750 = 5\.250/,
  );
  assert.match(hoverText(stepper({ step: 4, hovered: { token: 0, j: null } })), /CLS/);
});

Deno.test("the CSV file of a step has its pixels, patches, tokens or sums", () => {
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
  hoveredToken: null,
  hoveredPatch: null,
  used: { pinned: false, compared: false },
  rollout: false,
  values: [[0.001, 0.25, 0.02]],
  maxima: [0.25],
  masses: [0.5],
};

Deno.test("the title names the token and the direction", () => {
  assert.match(titleText(VIEW), /from row 2, column 2/);
  assert.match(titleText({ ...VIEW, state: { ...VIEW.state, direction: "keys" } }), /to row 2, column 2/);
  assert.equal(titleText({ ...VIEW, comparing: true }), "A (row 1, column 1) minus B (row 8, column 8)");
});

Deno.test("the reading is the largest weight or the one under the pointer, and the weight of CLS", () => {
  assert.match(readingText(VIEW), /0\.250 .*row 1, column 2.*CLS.*50 %/);
  const pointed = { ...VIEW, hoveredPatch: 0 };
  assert.match(readingText(pointed), /row 1, column 1.*0\.0010.*CLS.*50 %/);
  assert.doesNotMatch(readingText({ ...VIEW, rollout: true }), /CLS/);
  const keys = { ...VIEW, state: { ...VIEW.state, direction: "keys" }, comparing: true };
  assert.match(readingText(keys), /0\.250 from row 1, column 2.*CLS.*50 % more/);
  assert.match(readingText({ ...keys, masses: [-0.5] }), /CLS: 50 % less/);
});

Deno.test("the reading has the weight of each register and of all together, or only the latter", () => {
  const named = (prefix) => ({ ...VIEW.header, first: prefix.length, prefix });
  const few = { ...VIEW, header: named(["cls", "register1", "register2"]), masses: [0.5, 0.25, 0.125] };
  assert.match(readingText(few), /On CLS: 50 %, register 1: 25 %, register 2: 13 % \(together 38 %\)\.$/);
  const four = named(["cls", "register1", "register2", "register3", "register4"]);
  const text = readingText({ ...few, header: four, masses: [0.5, 0.25, 0.125, 0, 0.125] });
  assert.match(text, /On CLS: 50 %, R1: 25 %, R2: 13 %, R3: 0.0 %, R4: 13 % \(together 50 %\)\.$/);
  assert.match(readingText({ ...few, rollout: true }), /at row 1, column 2\.$/);
  const many = ["cls", ...Array.from({ length: 8 }, (_, i) => `register${i + 1}`)];
  const all = { ...VIEW, header: named(many), masses: [0.5, ...Array(8).fill(0.05)] };
  assert.match(readingText(all), /On CLS: 50 %, 8 other tokens: together 40 %\.$/);
  assert.match(titleText({ ...few, shown: 2 }), /from register 2$/);
});

Deno.test("the reading has the largest weight of each large map at its place, or both at one place", () => {
  const two = { ...VIEW, values: [[0.001, 0.25], [0.5, 0.125]] };
  assert.match(readingText(two), /A 0\.250 at row 1, column 2,\nB 0\.500 at row 1, column 1\./);
  assert.match(readingText({ ...two, hoveredToken: 5 }), /A 0\.250 [^]*pointer 0\.500/);
  assert.match(readingText({ ...two, hoveredPatch: 1 }), /at row 1, column 2:\nA 0\.250, B 0\.125\./);
});

Deno.test("the color scale of each large map ends at its own maximum", () => {
  assert.deepEqual(largeEnds({ limits: [0.25, 0.0712] }), ["0.250", "0.071"]);
});

Deno.test("references have labels in American spelling", () => {
  assert.match(referenceName("3x3 neighbourhood"), /neighborhood/);
  assert.match(referenceName("uniform"), /uniform attention/);
  assert.equal(referenceName("other"), "other");
});

Deno.test("the labels of the color scale are numbers if all maps share it", () => {
  assert.deepEqual([scaleLabels(VIEW)[0], scaleLabels(VIEW).at(-1)], ["0", "0.250"]);
  assert.equal(scaleLabels({ ...VIEW, comparing: true })[1], "±0.250");
  const layer = { ...VIEW, state: { ...VIEW.state, scale: "layer" } };
  assert.match(scaleLabels(layer).at(-1), /layer/);
  const root = { ...VIEW, state: { ...VIEW.state, scale: "root" } };
  assert.match(scaleLabels(root)[1], /square root/);
  assert.equal(scaleLabels(root).at(-1), "0.250");
});

Deno.test("the color scale has two labels in a talk, whose type is larger", () => {
  assert.equal(scaleLabels({ ...VIEW, header: { ...VIEW.header, talk: true } }).length, 2);
});

Deno.test("layers and heads count from 1, and the last cell is their mean", () => {
  assert.equal(cellName({ r: 0, c: 7 }, VIEW.header), "Layer 1, head 8");
  assert.equal(cellName({ r: 6, c: 8 }, VIEW.header), "mean over layers, mean over heads");
});

Deno.test("a hint stays until the visitor has done what it says", () => {
  const nothing = { ...VIEW, state: { ...VIEW.state, query: null, second: null } };
  const one = { ...VIEW, state: { ...VIEW.state, second: null } };
  assert.match(hintText(nothing), /pin/);
  const pointed = { ...nothing, hoveredToken: 5 };
  assert.equal(hintText(pointed), hintText(nothing));
  assert.equal(hintText({ ...nothing, used: { pinned: true, compared: false } }), "");
  assert.match(hintText(one), /compare/);
  assert.equal(hintText({ ...one, used: { pinned: true, compared: true } }), "");
  assert.equal(hintText({ ...one, header: { ...VIEW.header, talk: true } }), "");
  assert.equal(hintText(VIEW), "");
  assert.match(hintText({ ...VIEW, header: { ...VIEW.header, only: 3 } }), /[Cc]lick.*Rollout and HTML/);
});

Deno.test("percentages below ten have a decimal", () => {
  assert.deepEqual([0, 0.0994, 0.0996, 0.5, 1].map(percent), ["0.0 %", "9.9 %", "10 %", "50 %", "100 %"]);
});
