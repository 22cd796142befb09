// How the stepper through a block writes out numbers that rotary positions have turned.

import assert from "node:assert/strict";
import { angleOf, turnOf } from "../../../dashboard/components/block/rotary.js";
import { QKV } from "../../../dashboard/components/block/steps.js";
import { termRows } from "../../../dashboard/components/block/terms.js";
import { readingOf } from "../../../dashboard/components/block/readings.js";
import { near, viewOf } from "./small_block.js";

// Two heads of 8 channels need angles for two periods, 1 and 10, of the row and of the column.
const block = { size: 8, header: { rotary: 100, side: 2, first: 1 } };

Deno.test("angles follow the row in the first half, and the column in the second", () => {
  const below = 3, right = 2; // tokens: CLS, and 2 x 2 patches with centers at -0.5 and 0.5
  near(angleOf(block, below, 0), Math.PI);
  near(angleOf(block, below, 5), Math.PI / 10);
  near(angleOf(block, below, 2), -Math.PI);
  near(angleOf(block, right, 3), Math.PI / 10);
  near(angleOf(block, right, 4), -Math.PI);
});

Deno.test("the numbers before the turn are those of the inverse rotation", () => {
  const before = [0.3, -1, 2, 0.5, 0.7, 4, -0.2, 1], token = 4;
  const turned = before.map((v, j) => {
    const angle = angleOf(block, token, j), other = before[(j + 4) % 8];
    return v * Math.cos(angle) + (j < 4 ? -1 : 1) * other * Math.sin(angle);
  });
  before.forEach((v, j) => {
    const turn = turnOf(block, "k", token, turned, j);
    near(turn.before, v);
    near(turn.other, before[turn.partner]);
    near(turn.before * turn.cos + turn.other * turn.sin, turned[j]);
  });
  assert.equal(turnOf(block, "v", token, turned, 0), null);
  assert.equal(turnOf(block, "q", 0, turned, 0), null); // CLS
});

Deno.test("the turn is written out after the sum of a patch, and not for CLS, values or other models", () => {
  const viewed = (part, query, rotary = 100) => viewOf(QKV, { query, summed: { part, j: 1 } }, { rotary });
  const rows = termRows(viewed("q", 2).sum, 2), at = rows.findIndex(({ label }) => label === "sum");
  assert.equal(rows.length, at + 4);
  near(rows[at + 1].value + rows[at + 2].value, rows[at + 3].value);
  assert.match(readingOf(viewed("q", 2)), /; turned by .* with number 1: .* = /);
  for (const view of [viewed("q", 0), viewed("v", 2), viewed("q", 2, null)]) {
    assert.equal(termRows(view.sum, 2).at(-1).label, "sum");
    assert.doesNotMatch(readingOf(view), /turned/);
  }
});
