// Two explorers side by side: what corresponds in two models, and the difference of their maps.

import assert from "node:assert/strict";
import { differenceOf, Maps } from "../../../dashboard/components/explorer/frames.js";
import { unpackPair } from "../../../dashboard/components/pair/data.js";
import {
  commonHeader,
  defaultTokens,
  partnerCell,
  partnerToken,
  sentTokens,
  sharedMaxima,
  subtract,
  whyNoDifference,
} from "../../../dashboard/components/pair/difference.js";
import { pairRows } from "../../../dashboard/components/pair/files.js";
import {
  differenceLabels,
  linesOf,
  pairReading,
  pairTitle,
  predictionText,
  sideTitle,
} from "../../../dashboard/components/pair/words.js";
import written from "./pair.json" with { type: "json" };

const model = (layers, heads, side, first) => ({
  layers,
  heads,
  side,
  first,
  tokens: side ** 2 + first,
  only: null,
});
const LARGE = model(3, 4, 8, 1), SMALL = model(2, 2, 4, 0), OTHER = model(2, 3, 8, 0);
const named = (prefix) => ({ ...model(2, 3, 8, prefix.length), prefix });
const range = (n) => Array.from({ length: n }, (_, i) => i);

Deno.test("a token corresponds to the patch at the same place, and CLS to CLS", () => {
  const patch = (row, column, { side, first }) => first + (row - 1) * side + column - 1;
  assert.equal(partnerToken(patch(3, 4, LARGE), LARGE, LARGE), patch(3, 4, LARGE));
  assert.equal(partnerToken(patch(3, 4, LARGE), LARGE, OTHER), patch(3, 4, OTHER));
  assert.equal(partnerToken(patch(8, 1, LARGE), LARGE, SMALL), patch(4, 1, SMALL));
  assert.equal(partnerToken(patch(2, 3, SMALL), SMALL, LARGE), patch(4, 6, LARGE));
  assert.equal(partnerToken(0, LARGE, LARGE), 0);
  assert.equal(partnerToken(0, LARGE, SMALL), null);
  assert.equal(partnerToken(null, LARGE, SMALL), null);
  const coarse = model(12, 3, 14, 2), fine = model(12, 12, 37, 5); // a DeiT at 224 pixels, a DINOv2 at 518
  const places = [[1, 2], [5, 12], [7, 18], [8, 20], [14, 36]]; // (n - 1/2) / 14 * 37, rounded up
  for (const [here, there] of places) {
    assert.equal(partnerToken(patch(here, 14, coarse), coarse, fine), patch(there, 36, fine));
  }
  assert.equal(partnerToken(patch(19, 1, fine), fine, coarse), patch(8, 1, coarse)); // 18.5 / 37: the middle
  assert.equal(partnerToken(patch(18, 37, fine), fine, coarse), patch(7, 14, coarse));
  for (const side of [3, 7, 11, 49]) { // a middle on a border belongs to the patch after it
    const [one, two] = [model(1, 1, side, 0), model(1, 1, 2 * side, 0)];
    for (let n = 1; n <= side; n++) {
      assert.equal(partnerToken(patch(n, n, one), one, two), patch(2 * n, 2 * n, two));
    }
  }
  for (const token of range(16)) {
    assert.equal(partnerToken(partnerToken(token, SMALL, LARGE), LARGE, SMALL), token);
  }
});

Deno.test("a head corresponds to the same layer and head, and a mean to a mean", () => {
  assert.deepEqual(partnerCell({ r: 1, c: 1 }, LARGE, SMALL), { r: 1, c: 1 });
  assert.equal(partnerCell({ r: 2, c: 1 }, LARGE, SMALL), null);
  assert.equal(partnerCell({ r: 1, c: 3 }, LARGE, SMALL), null);
  assert.deepEqual(partnerCell({ r: 3, c: 4 }, LARGE, SMALL), { r: 2, c: 2 });
  assert.deepEqual(partnerCell({ r: 2, c: 2 }, SMALL, LARGE), { r: 3, c: 4 });
  assert.equal(partnerCell(null, LARGE, SMALL), null);
});

Deno.test("both sides begin with CLS, or with a patch if one of them has no CLS", () => {
  assert.deepEqual(defaultTokens([LARGE, LARGE]), [0, 0]);
  assert.deepEqual(defaultTokens([LARGE, OTHER]), [1 + 4 * 8 + 4, 4 * 8 + 4]);
});

Deno.test("a side of which one token was sent shows this one, until that of the other arrives", () => {
  const sent = (only) => ({ ...LARGE, only });
  assert.deepEqual(sentTokens([sent(0), sent(0)], [null, null]), [0, 0]);
  assert.deepEqual(sentTokens([sent(12), sent(12)], [20, 20]), [12, 12]);
  assert.deepEqual(sentTokens([sent(12), SMALL], [12, 1]), [12, 1]); // a small model has all of them
  const place = partnerToken(12, LARGE, SMALL); // it waits for the other one
  assert.deepEqual(sentTokens([sent(12), SMALL], [64, 15]), [12, place]);
  assert.deepEqual(sentTokens([SMALL, sent(12)], [15, 64]), [place, 12]);
  assert.deepEqual(sentTokens([sent(0), { ...OTHER, only: 7 }], [0, null]), [0, null]); // no CLS on the right
});

Deno.test("the reason for a missing difference names both grids, or the side without CLS", () => {
  assert.equal(whyNoDifference([LARGE, OTHER], [5, 4]), "");
  assert.match(whyNoDifference([LARGE, SMALL], [5, 4]), /8 x 8 .*4 x 4/);
  assert.match(whyNoDifference([LARGE, OTHER], [0, null]), /right\b.*CLS/);
});

// Maps with random weights.
function randomMaps(header, seed) {
  const maps = new Maps(header);
  const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
  maps.values.forEach((_, i) => (maps.values[i] = random()));
  maps.masses.forEach((_, i) => (maps.masses[i] = random()));
  return maps;
}

Deno.test("the difference is left minus right for what both have, and for the means", () => {
  const sides = [LARGE, OTHER], maps = sides.map((side, i) => randomMaps(side, 5 + i));
  const common = commonHeader(sides), difference = subtract(new Maps(common), maps, sides);
  assert.deepEqual([common.layers, common.heads, common.tokens], [2, 3, 64]);
  const places = [[0, 0, 0, 0, 0, 0], [1, 2, 1, 2, 1, 2], [2, 3, 3, 4, 2, 3], [1, 3, 1, 4, 1, 3]];
  for (const [r, c, leftR, leftC, rightR, rightC] of places) {
    const [left, right] = [maps[0].map(leftR, leftC), maps[1].map(rightR, rightC)];
    difference.map(r, c).forEach((v, i) => {
      const exact = Math.fround(left[i] - right[i]);
      if (Math.abs(exact) > 0.001) assert.equal(v, exact);
      else assert.ok(v === 0 || v === exact);
    });
  }
  assert.equal(difference.masses.length, 0); // one side has no CLS
  const same = subtract(new Maps(LARGE), [maps[0], randomMaps(LARGE, 9)], [LARGE, LARGE]);
  assert.equal(same.masses[7], Math.fround(maps[0].masses[7] - randomMaps(LARGE, 9).masses[7]));
});

Deno.test("the difference has the tokens before the patches that both models have", () => {
  const sides = [named(["cls", "distillation", "register1"]), named(["cls", "register1", "register2"])];
  const [left, right] = sides;
  assert.equal(partnerToken(2, left, right), 1);
  assert.equal(partnerToken(1, left, right), null);
  assert.match(whyNoDifference(sides, [1, null]), /right has no distillation token/);
  assert.equal(partnerToken(3, left, right), 3); // the first patch
  const common = commonHeader(sides), maps = sides.map((side, i) => randomMaps(side, 5 + i));
  assert.deepEqual([common.prefix, common.first, common.tokens], [["cls", "register1"], 2, 66]);
  const difference = subtract(new Maps(common), maps, sides);
  const [a, b] = maps.map((one) => one.massesOf(1, 2));
  assert.deepEqual(difference.massesOf(1, 2), [Math.fround(a[0] - b[0]), Math.fround(a[2] - b[1])]);
  assert.deepEqual(defaultTokens([named(["register1"]), LARGE]), [1 + 36, 1 + 36]);
});

Deno.test("equal colors on both sides are equal weights", () => {
  const sides = [LARGE, LARGE], maps = [randomMaps(LARGE, 3), randomMaps(LARGE, 4)];
  maps[1].values[5] = 7; // layer 1, head 1
  for (const scale of ["map", "layer", "shared"]) {
    const [left, right] = sharedMaxima(sides, maps, scale);
    assert.deepEqual(left, right);
    assert.equal(left[0], 7);
    assert.equal(left[1] === 7, scale !== "map");
    assert.equal(left[5] === 7, scale === "shared"); // layer 2
  }
  const coarse = [LARGE, SMALL], apart = coarse.map((side, i) => randomMaps(side, 3 + i));
  const own = apart.map((one) => one.maxima("layer"));
  assert.deepEqual(sharedMaxima(coarse, apart, "layer"), own); // the share of a patch depends on its size
});

Deno.test("both images and the weights that are sent are read from a message", () => {
  for (const { bytes, images, weights } of written.messages) {
    const found = unpackPair(Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0)));
    assert.deepEqual(found.images.map((image) => [...image]), images);
    const values = found.frames.map((frame) => frame && [...frame.weights, ...frame.rollout]);
    assert.deepEqual(values, weights);
  }
});

const VIEW = {
  sides: [LARGE, LARGE],
  state: { direction: "queries" },
  tokens: [0, 0],
  cell: { r: 1, c: 2 },
  rollout: false,
  patches: null,
  values: [[0.1, 0.5, 0.2], [0.3, 0.25, 0.2]],
  difference: [-0.2, 0.25, 0],
  masses: [[0.5], [0.25]],
};

Deno.test("the reading is the largest difference, or the weights under the pointer", () => {
  assert.match(
    pairReading(VIEW),
    /Layer 2, head 3\b.*from CLS.*\+0\.250 at row 1, column 2.*left 50\s%, right 25\s%/,
  );
  const pointed = pairReading({ ...VIEW, patches: [0, 0] });
  assert.match(pointed, /row 1, column 1: left 0\.100, right 0\.300, difference \u22120\.200/);
  const lacking = pairReading({
    ...VIEW,
    values: [VIEW.values[0], null],
    difference: null,
    masses: [[0.5], null],
  });
  assert.match(lacking, /on the right has no layer 2, head 3/);
  assert.doesNotMatch(lacking, /difference/);
});

Deno.test("a difference that rounding to half precision can cause is none", () => {
  for (const [a, b] of [[0.5, 0.5 + 2 ** -11], [0.001, 0.001 * (1 + 2 ** -11)], [0, 2 ** -24], [0.2, 0.2]]) {
    assert.equal(differenceOf(a, b), 0);
    assert.equal(differenceOf(b, a), 0);
  }
  for (const [a, b] of [[0.5, 0.5 + 2 ** -9], [0, 2 ** -23], [0.001, 0.002]]) {
    assert.equal(differenceOf(a, b), a - b);
  }
  assert.match(pairReading({ ...VIEW, difference: [0, 0, 0] }), /No difference/);
  assert.deepEqual(differenceLabels(1e-9), ["", "0", ""]);
});

Deno.test("many registers are read together, and few of them one by one", () => {
  const sides = [named(["cls"]), named(["cls", "register1", "register2", "register3"])];
  const text = pairReading({ ...VIEW, sides, masses: [[0.5], [0.25, 0.0625, 0.125, 0.125]] });
  assert.match(text, /On CLS: left 50\s%, right 25\s%\. On registers: right 31\s%\.$/);
  const few = [named(["cls"]), named(["cls", "register1"])];
  assert.match(
    pairReading({ ...VIEW, sides: few, masses: [[0.5], [0.25, 0.125]] }),
    /On register 1: right 13\s%\.$/,
  );
});

Deno.test("a side is named by what differs", () => {
  const side = { name: "cat 1", run: "ViT", step: "step 10" };
  assert.equal(sideTitle(side, "images"), "cat 1");
  assert.equal(sideTitle(side, "models"), "ViT");
  assert.equal(sideTitle(side, "snapshots"), "step 10");
  assert.match(sideTitle({ ...side, step: "" }, "snapshots"), /best/);
});

Deno.test("the prediction says which class is true if it is another one", () => {
  const side = { probabilities: [0.25, 0.75], classes: ["cat", "dog"], truth: 0 };
  assert.match(predictionText(side), /dog, 75\s%, true: cat/);
  assert.doesNotMatch(predictionText({ ...side, truth: 1 }), /true:/);
  assert.doesNotMatch(predictionText({ ...side, truth: null }), /true|correct/);
  assert.match(predictionText({ ...side, probabilities: [] }), /No classifier/);
});

Deno.test("the title names the token on both sides if their grids differ", () => {
  const view = { sides: [LARGE, SMALL], state: { direction: "queries" }, tokens: [1 + 8 + 2, 1] };
  assert.match(pairTitle(view), /from row 2, column 3 \(.*right row 1, column 2\)/);
  assert.match(pairTitle({ ...view, sides: [LARGE, LARGE], tokens: [11, 11] }), /from row 2, column 3$/);
});

Deno.test("a long sentence is split into lines between words", () => {
  assert.deepEqual(linesOf("one two three four", 9), ["one two", "three", "four"]);
  assert.deepEqual(linesOf("extraordinary", 5), ["extraordinary"]);
});

Deno.test("the CSV file has the patches of each side if their grids differ", () => {
  const sides = [{ ...model(1, 1, 2, 0), name: "a" }, { ...model(1, 1, 1, 0), name: "b" }];
  const pair = { sides, header: { versus: "images" }, values: [[1, 2, 3, 4], [9]], largeDifference: null };
  assert.deepEqual(pairRows(pair).slice(1), [
    ["left: a", 1, 1, 1],
    ["left: a", 1, 2, 2],
    ["left: a", 2, 1, 3],
    ["left: a", 2, 2, 4],
    ["right: b", 1, 1, 9],
  ]);
});

Deno.test("the CSV file has the weights of each patch on both sides, and their difference", () => {
  const sides = [{ ...model(1, 1, 2, 0), name: "a" }, { ...model(1, 1, 2, 0), name: "b" }];
  const pair = { sides, header: { versus: "images" }, values: [[1, 2, 3, 4], [4, 3, 2, 1]] };
  const rows = pairRows({ ...pair, largeDifference: [-3, -1, 1, 3] });
  assert.deepEqual(rows[0].slice(2), ["left: a", "right: b", "left minus right"]);
  assert.deepEqual(rows.slice(1), [[1, 1, 1, 4, -3], [1, 2, 2, 3, -1], [2, 1, 3, 2, 1], [2, 2, 4, 1, 3]]);
});
