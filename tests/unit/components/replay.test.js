// The replay: frames and painted cells in the address, the classes that are shown, and the CSV file.

import assert from "node:assert/strict";
import { replayRows } from "../../../dashboard/components/replay/files.js";
import {
  cellAt,
  cellsText,
  clampFrame,
  frameText,
  keyMove,
  parseCells,
  parseFrame,
  shownClasses,
  spiral,
  startFrame,
} from "../../../dashboard/components/replay/state.js";
import { scaleEnd } from "../../../dashboard/components/shared/numbers.js";
import { argmax } from "../../../dashboard/components/shared/vectors.js";
import { frameName, predictionText } from "../../../dashboard/components/replay/words.js";

const names = (n) => Array.from({ length: n }, (_, i) => String(i));
const SHIFTS = { rows: names(9), columns: names(7), start: 4 * 7 + 3 }; // the middle of 9 x 7

Deno.test("every frame except the unchanged one comes back from its text", () => {
  assert.deepEqual(startFrame(SHIFTS), [4, 3]);
  assert.equal(frameText([4, 3], SHIFTS), null);
  assert.equal(frameText([8, 1], SHIFTS), "4.-2");
  for (let row = 0; row < 9; row++) {
    for (let column = 0; column < 7; column++) {
      const text = frameText([row, column], SHIFTS);
      if (text !== null) assert.deepEqual(parseFrame(text, SHIFTS), [row, column]);
    }
  }
});

Deno.test("a text beyond the last frame gives the last frame, and an invalid text gives none", () => {
  assert.deepEqual(parseFrame("99.-99", SHIFTS), [8, 0]);
  assert.deepEqual(clampFrame([-1, 7], SHIFTS), [0, 6]);
  for (const text of ["", "4", "4.x", "1.1.1", "100.1", null, undefined]) {
    assert.equal(parseFrame(text, SHIFTS), null);
  }
});

Deno.test("painted cells come back from their text", () => {
  for (const painted of [[0], [63], [0, 1, 62], [...Array(64).keys()]]) {
    const mask = Array.from({ length: 64 }, (_, i) => Number(painted.includes(i)));
    const text = cellsText(mask);
    assert.equal(text.length, 16);
    assert.equal(parseCells(text, 64), mask.join(""));
  }
  assert.equal(cellsText(Array.from({ length: 64 }, (_, i) => Number(i === 60))), "0000000000000008");
  for (const text of ["0000000000000000", "8", "g".repeat(16), undefined]) {
    assert.equal(parseCells(text, 64), null);
  }
});

Deno.test("a point belongs to the cell that contains it, or else to the nearest cell", () => {
  assert.deepEqual(cellAt(0.3, 0.6, 4, 10), [2, 3]);
  assert.deepEqual(cellAt(0, 0, 4, 10), [0, 0]);
  assert.deepEqual(cellAt(1, 1, 4, 10), [3, 9]);
  assert.deepEqual(cellAt(-0.2, 1.2, 4, 10), [3, 0]);
});

Deno.test("the arrow keys shift the image in drag mode and change the row in the other modes", () => {
  const moves = (mode) =>
    ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"].map((key) => keyMove(key, mode));
  assert.deepEqual(moves("drag"), [[0, -1], [0, 1], [-1, 0], [1, 0]]);
  assert.deepEqual(moves("again"), [[-1, 0], [1, 0], [1, 0], [-1, 0]]);
  assert.equal(keyMove("Enter", "drag"), null);
});

Deno.test("a frame is named by its shift, its row or the count of painted cells", () => {
  const header = { mode: "drag", rows: ["-1", "0"], columns: ["-2", "0", "2"] };
  const view = { header, row: 0, column: 2, mask: [1, 0, 1, 1], showsMask: false };
  assert.match(frameName(view), /right 2\b.*down -1\b/);
  assert.equal(frameName({ ...view, header: { ...header, mode: "pick" } }), "-1");
  assert.match(frameName({ ...view, showsMask: true }), /\b3\b/);
});

Deno.test("a prediction has its class and probability, and is judged if the true class is known", () => {
  const header = { classes: ["cat", "dog"], truth: null }, probabilities = [0.256, 0.744];
  assert.equal(predictionText(probabilities, header), "dog, 74 %");
  assert.match(predictionText(probabilities, { ...header, truth: 1 }), /dog, 74 %.*correct/);
  assert.match(predictionText(probabilities, { ...header, truth: 0 }), /dog, 74 %.*wrong.*cat/);
});

Deno.test("the spiral starts at the unchanged image, reaches the border and starts again", () => {
  let tick = 0, ended = false;
  const seen = new Set();
  for (let i = 0; i < 1000 && !ended; i++) {
    const next = spiral(tick, SHIFTS);
    if (i === 0) assert.ok(Math.hypot(next.frame[0] - 4, next.frame[1] - 3) <= 1);
    seen.add(clampFrame(next.frame, SHIFTS).join());
    ended = next.tick === 0;
    tick = next.tick;
  }
  assert.ok(ended);
  assert.ok(seen.has("4,6") || seen.has("4,0"));
  assert.ok(seen.size > 20, `${seen.size} frames`);
});

Deno.test("the bars are the most probable classes of the unchanged image and of all frames", () => {
  const header = { start: 1, classes: names(7) };
  const probabilities = Float32Array.from([
    ...[0, 0, 0, 0, 0, 0, 1], // class 6 is probable in another frame only
    ...[0.1, 0.5, 0.3, 0.06, 0.04, 0, 0],
    ...[0.2, 0, 0, 0.7, 0.05, 0.05, 0],
  ]);
  const shown = shownClasses(probabilities, header);
  assert.deepEqual(new Set(shown), new Set([1, 2, 6, 3, 0]));
  assert.deepEqual(shown, [1, 2, 0, 3, 6]); // sorted by the unchanged image
  const elsewhere = Float32Array.from([0.9, 0, 0, 0.9, 0.9, 0.9, 0.9, 0, 0.6, 0.4, 0, 0, 0, 0]);
  // although five are more probable in another frame
  assert.deepEqual(shownClasses(elsewhere, header).slice(0, 2), [1, 2]);
  assert.equal(argmax([0.1, 0.5, 0.5]), 1);
});

Deno.test("the CSV file has each model's probabilities for each frame, then for the painted image", () => {
  const header = {
    mode: "again",
    unit: "Cells",
    classes: ["cat", "dog"],
    rows: ["2 x 2", "4 x 4"],
    columns: ["first", "second"],
    models: [{ label: "ViT" }, { label: "ResNet" }],
    painted: { probabilities: [[0.25, 0.75], [1, 0]] },
  };
  const probabilities = Float32Array.from({ length: 2 * 4 * 2 }, (_, i) => i / 10);
  const rows = replayRows({ header, frames: 4, probabilities, painted: true, mask: [1, 0] });
  assert.deepEqual(rows[0], ["model", "cells", "order", "cat", "dog"]);
  assert.deepEqual(rows[1], ["ViT", "2 x 2", "first", 0, 0.1]);
  assert.deepEqual(rows[4], ["ViT", "4 x 4", "second", 0.6, 0.7]);
  assert.deepEqual(rows[5], ["ViT", "painted 10", "", 0.25, 0.75]);
  assert.deepEqual(rows[6], ["ResNet", "2 x 2", "first", 0.8, 0.9]);
  assert.equal(rows.length, 11);
});

Deno.test("the scale of small probabilities ends at a round number above the largest", () => {
  const ends = [[0.97, 1], [0.5, 0.5], [0.041, 0.05], [0.0012, 0.002], [0.001, 0.001], [0, 1], [1, 1]];
  for (const [largest, end] of ends) assert.ok(Math.abs(scaleEnd(largest) - end) < 1e-12, `${largest}`);
});
