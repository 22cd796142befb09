// The mouse buttons that paint and drag.

import assert from "node:assert/strict";
import { Input } from "../../../dashboard/components/explorer/input.js";
import { listenToPicture } from "../../../dashboard/components/replay/input.js";

/** @returns {any} a canvas of 80 x 80 pixels */
function canvas() {
  return Object.assign(new EventTarget(), {
    clientWidth: 80,
    focus() {},
    setPointerCapture() {},
    getBoundingClientRect: () => ({ left: 0, top: 0, width: 80, height: 80 }),
  });
}

const press = (element, button) => {
  const type = new Event("pointerdown", { cancelable: true });
  element.dispatchEvent(Object.assign(type, { button, pointerId: 1, clientX: 15, clientY: 5 }));
};

Deno.test("only the main button paints cells or drags in the replay", () => {
  const strokes = [], moves = [], picture = canvas();
  const replay = {
    header: { mode: "cells", cells: 8, size: 32, step: 4 },
    row: 0,
    column: 0,
    stroke: null,
    play() {},
    startStroke: (cell) => strokes.push(cell),
    endStroke() {},
    go: (...frame) => moves.push(frame),
  };
  listenToPicture(replay, picture);
  const drag = () => {
    const moved = Object.assign(new Event("pointermove"), { clientX: 25, clientY: 5 });
    picture.dispatchEvent(moved);
    picture.dispatchEvent(new Event("pointerup"));
  };
  press(picture, 2);
  press(picture, 0);
  assert.deepEqual(strokes, [1]);
  replay.header.mode = "drag";
  press(picture, 2);
  drag();
  assert.deepEqual(moves, []);
  press(picture, 0);
  drag();
  assert.deepEqual(moves, [[0, 1]]);
});

Deno.test("only the main button paints in the explorer", () => {
  const kept = [], painted = [], image = canvas();
  const explorer = {
    brushing: true,
    painting: false,
    mask: null,
    header: { stem: "cat" },
    strokes: { keep: (_mask, stem) => kept.push(stem) },
  };
  const input = {
    explorer,
    on: (element, type, act) => element.addEventListener(type, act),
    paint: () => painted.push(explorer.painting),
  };
  Input.prototype.listenToImage.call(input, image);
  press(image, 2);
  assert.deepEqual([explorer.painting, kept, painted], [false, [], []]);
  press(image, 0);
  assert.deepEqual([explorer.painting, kept, painted], [true, ["cat"], [true]]);
});
