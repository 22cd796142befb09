// The layout of the stepper: order of the numbers, positions of patches, what is under the pointer.

import assert from "node:assert/strict";
import {
  hitTest,
  movingPosition,
  patchPosition,
  pixelIndex,
  stepLayout,
} from "../../../dashboard/components/stepper/layout.js";
import { paintStep } from "../../../dashboard/components/stepper/scene.js";

// A drawing of 1000 x 400 pixels: 4 x 4 patches of 2 x 2 pixels, CLS, and tokens of 8 numbers.
function view(changes = {}) {
  const header = { size: 8, patch: 2, dim: 8 };
  const sizes = { w: 1000, h: 400, side: 4, count: 16, first: 1, perPatch: 12 };
  const state = { known: true, chosen: 5, step: 0, from: 0, progress: 1 };
  return { header, ...sizes, ...state, ...changes };
}

Deno.test("the numbers of a patch are read by channel, then row by row", () => {
  const header = { size: 4, patch: 2 }, pixel = (row, column, channel) => 3 * (4 * row + column) + channel;
  const patch = Array.from({ length: 12 }, (_, j) => pixelIndex(header, 3, j)); // the last of 2 x 2
  const cells = [[2, 2], [2, 3], [3, 2], [3, 3]];
  assert.deepEqual(patch, [0, 1, 2].flatMap((c) => cells.map(([row, column]) => pixel(row, column, c))));
});

Deno.test("the patches of the first step fill the square of the image without gaps", () => {
  assert.deepEqual(patchPosition(view(), 0, 0), [0, 0, 100]);
  assert.deepEqual(patchPosition(view(), 0, 7), [300, 100, 100]); // the last of the second row
});

Deno.test("the patches of the second step have gaps and fill the same square", () => {
  const [x, y, unit] = patchPosition(view(), 1, 15);
  assert.equal(x + unit, 400);
  assert.equal(y + unit, 400);
  const second = patchPosition(view(), 1, 1);
  assert.ok(second[0] > second[2]);
});

Deno.test("the columns of a sequence lie on whole pixels and leave room for CLS", () => {
  const { pitch, unit, lefts: [left] } = stepLayout(view(), 2);
  assert.equal(pitch, Math.floor(pitch));
  assert.ok(unit < pitch);
  assert.equal(patchPosition(view(), 2, 0)[0], left + pitch);
  assert.equal(patchPosition(view({ first: 0 }), 2, 0)[0], stepLayout(view({ first: 0 }), 2).lefts[0]);
  assert.ok(left + 17 * pitch <= 1000);
});

Deno.test("columns narrower than eight pixels have no gaps and fill the width", () => {
  const many = view({ side: 16, count: 256, first: 0 });
  const { pitch, unit, lefts: [left] } = stepLayout(many, 2);
  assert.equal(unit, pitch);
  assert.ok(Math.abs(left + 256 * pitch - 1000) < 1e-9);
});

Deno.test("the last step has three panels of equal width, or one if the values are unknown", () => {
  const { lefts, wide, pitch } = stepLayout(view(), 4);
  assert.equal(lefts.length, 3);
  assert.ok(Math.abs(lefts[2] + wide - 1000) < 1e-9);
  assert.ok(Math.abs(17 * pitch - wide) < 1e-9);
  assert.equal(stepLayout(view({ known: false }), 4).lefts.length, 1);
});

Deno.test("a column has the numbers of a patch, and after the projection those of a token", () => {
  const rows = (step, changes) => stepLayout(view(changes), step).rows;
  assert.deepEqual([rows(2), rows(3), rows(4)], [12, 8, 8]);
  assert.equal(rows(3, { known: false }), 12);
});

Deno.test("a move starts and ends at the positions of its steps, and the first patch starts first", () => {
  const move = (progress) => view({ from: 1, step: 2, progress });
  for (const i of [0, 9, 15]) {
    assert.deepEqual(movingPosition(move(0), i), patchPosition(view(), 1, i));
    assert.deepEqual(movingPosition(move(1), i), patchPosition(view(), 2, i));
  }
  const early = move(0.2);
  assert.notDeepEqual(movingPosition(early, 0), patchPosition(view(), 1, 0));
  assert.deepEqual(movingPosition(early, 15), patchPosition(view(), 1, 15));
});

Deno.test("the middle of every patch is under the pointer in every step", () => {
  for (const step of [0, 1, 2, 3, 4]) {
    for (let i = 0; i < 16; i++) {
      const [x, y, unit] = patchPosition(view(), step, i);
      assert.equal(hitTest(view({ step }), x + unit / 2, y + unit / 2).patch, i, `step ${step}, patch ${i}`);
    }
  }
});

Deno.test("on a phone, nothing of a step is outside the drawing and patches are under the pointer", () => {
  const sizes = { w: 340, h: 440 };
  const image = stepLayout(view(sizes), 0),
    parts = stepLayout(view(sizes), 1),
    sums = stepLayout(view(sizes), 4);
  assert.ok(image.y > image.square && image.x + 3 * image.unit + 28 <= 340);
  assert.ok(image.unit > 80 && parts.unit > 60 && parts.y + parts.unit < 440);
  assert.equal(sums.wide, 340);
  assert.deepEqual(sums.lefts, [0, 0, 0]);
  assert.ok(Math.abs(sums.offsets[2] + sums.deep - 440) < 1e-9);
  for (const step of [0, 1, 2, 3, 4]) {
    const [x, y, unit] = patchPosition(view(sizes), step, 11);
    assert.equal(hitTest(view({ ...sizes, step }), x + unit / 2, y + unit / 2).patch, 11);
  }
  const lower = hitTest(view({ ...sizes, step: 4 }), 1, sums.offsets[1] + sums.deep);
  assert.equal(lower.j, 7);
});

Deno.test("the token of CLS keeps the chosen patch", () => {
  const { lefts: [left], top } = stepLayout(view(), 3);
  assert.deepEqual(hitTest(view({ step: 3 }), left + 1, top + 1), { patch: 5, token: 0, j: 0 });
});

Deno.test("the number under the pointer runs from the first to the last row of its column", () => {
  const { lefts, pitch, top } = stepLayout(view(), 4), x = lefts[1] + 3.5 * pitch;
  const found = (y, changes) => hitTest(view({ step: 4, ...changes }), x, y);
  assert.deepEqual(found(top), { patch: 2, token: 3, j: 0 });
  assert.equal(found(400).j, 7);
  assert.equal(found(top - 1).j, null);
  assert.equal(found(401), null);
});

Deno.test("columns without values have no number under the pointer", () => {
  const unknown = view({ step: 3, known: false }), { lefts: [left], pitch } = stepLayout(unknown, 3);
  assert.deepEqual(hitTest(unknown, left + 2.5 * pitch, 300), { patch: 1, token: 2, j: null });
});

Deno.test("nothing is under the pointer outside the square or between panels", () => {
  assert.equal(hitTest(view(), 401, 10), null);
  assert.equal(hitTest(view(), -1, 10), null);
  const { lefts } = stepLayout(view(), 4);
  assert.equal(hitTest(view({ step: 4 }), lefts[1] - 5, 100), null);
});

Deno.test("CLS has no column before the projection", () => {
  const { lefts: [left], pitch } = stepLayout(view(), 2);
  const x = left + pitch / 2;
  assert.equal(hitTest(view({ step: 2 }), x, 200), null);
  assert.equal(hitTest(view({ step: 2 }), x + pitch, 200).patch, 0);
  assert.equal(hitTest(view({ step: 3 }), x, 200).token, 0);

  const texts = [], painter = { text: (text) => texts.push(text), pixels: () => {}, rect: () => {}, ctx: {} };
  const theme = { text: "black", faint: "gray", font: "Inter" };
  paintStep(view({ step: 2, flat: {}, picture: {} }), painter, theme);
  assert.ok(texts.includes("green"));
  assert.ok(!texts.includes("CLS"));
  paintStep(view({ step: 3, strips: [{}], picture: {} }), painter, theme);
  assert.ok(texts.includes("CLS"));
});
