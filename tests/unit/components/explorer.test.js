// The overlay, the brush and the saved view of the explorer.

import assert from "node:assert/strict";
import { viewPanels } from "../../../dashboard/components/explorer/files.js";
import {
  isPainted,
  maskBits,
  maskText,
  paintBrush,
  Strokes,
} from "../../../dashboard/components/explorer/mask.js";
import { colorIndex, rootTable } from "../../../dashboard/components/shared/colors.js";
import { overlayColor } from "../../../dashboard/components/explorer/scene.js";

const MAGENTA = { color: [255, 0, 128], share: 0.65 };

Deno.test("the overlay leaves patches without attention as they are and tints the largest weights", () => {
  const photo = [200, 100, 50], most = overlayColor(photo, 1, MAGENTA);
  assert.deepEqual(overlayColor(photo, 0, MAGENTA), photo);
  const distance = (color) => Math.hypot(...MAGENTA.color.map((v, i) => color[i] - v));
  assert.ok(distance(most) < distance(overlayColor(photo, 0.5, MAGENTA)));
  assert.ok(distance(most) < distance(photo));
});

Deno.test("a mask of a link paints only if it is valid and of this image", () => {
  const bits = new Uint8Array(64);
  bits[9] = 1;
  const text = maskText(bits, "ab");
  const painted = (link) => isPainted(maskBits(link, "ab", 64));
  assert.ok(painted(text));
  for (const link of ["ab.%", "zz.%", text.replace("ab", "cd"), null]) assert.ok(!painted(link));
  assert.ok(!isPainted(null));
});

Deno.test("strokes are undone one by one, and only on their image", () => {
  const size = 8, mask = new Uint8Array(size ** 2), strokes = new Strokes();
  assert.equal(strokes.undo("cat"), null);
  const before = [];
  for (const [x, y] of [[0.1, 0.1], [0.9, 0.9]]) {
    before.push([...mask]);
    strokes.keep(mask, "cat");
    paintBrush(mask, size, x, y);
  }
  assert.notDeepEqual(before[0], before[1]);
  assert.equal(strokes.canUndo("dog"), false);
  assert.equal(strokes.undo("dog"), null);
  assert.deepEqual([...strokes.undo("cat")], before[1]);
  assert.deepEqual([...strokes.undo("cat")], before[0]);
  assert.equal(strokes.canUndo("cat"), false);
  strokes.keep(mask, "cat");
  strokes.keep(mask, "dog");
  strokes.undo("dog");
  assert.equal(strokes.undo("dog"), null); // the stroke on the other image is forgotten
});

const EXPLORER = {
  header: { name: "cat", layers: 6, heads: 8, side: 8, first: 1, only: null },
  state: { direction: "queries", scale: "layer", query: 1, second: 64 },
  plan: { width: 500, height: 400 },
  cell: { r: 5, c: 4 },
  rollout: false,
  comparing: true,
  shown: 1,
  hoveredToken: null,
  values: [[0.1], [0.2]],
  limits: [0.1, 0.2],
  tokens: [1, 64],
  maxima: [0.3],
  large: [{}, {}],
  colors: "colors",
  scaleColors: "diverging",
};

Deno.test("the saved view has both maps of A and B, and a color scale for each scale", () => {
  const panels = viewPanels(EXPLORER);
  assert.deepEqual(panels.slice(2).map((panel) => panel.title), ["Layer 6, head 5: A", "Layer 6, head 5: B"]);
  assert.deepEqual(panels.slice(1).map((panel) => panel.scale.colors), ["diverging", "colors", "colors"]);
  assert.deepEqual(panels.slice(2).map((panel) => panel.scale.labels), [["0", "0.100"], ["0", "0.200"]]);
});

Deno.test("the saved view of one patch has one large map", () => {
  const state = { ...EXPLORER.state, second: null };
  const one = { ...EXPLORER, state, comparing: false, scaleColors: "colors", values: [[0.1]], limits: [0.1] };
  const panels = viewPanels(one);
  assert.deepEqual(panels.slice(2).map((panel) => panel.title), ["Layer 6, head 5"]);
  assert.deepEqual(panels.slice(1).map((panel) => panel.scale.colors), ["colors", "colors"]);
});

Deno.test("a square-root scale separates small weights, and keeps zero and the maximum", () => {
  const index = (value, root) => colorIndex(value, 1, false, root);
  assert.deepEqual([index(0, true), index(0.25, true), index(1, true)], [0, 128, 255]);
  assert.ok(index(0.02, true) - index(0.01, true) > index(0.02, false) - index(0.01, false));
  assert.equal(colorIndex(-0.25, 1, true, true), 64); // half of the violet side
});

Deno.test("the color bar of a square-root scale is linear in the weight", () => {
  const table = Uint32Array.from({ length: 256 }, (_, i) => i);
  assert.deepEqual([...rootTable(table, false)].filter((_, i) => i % 85 === 0), [0, 147, 208, 255]);
  const signed = rootTable(table, true);
  assert.deepEqual([signed[0], signed[255], signed[0] + signed[255]], [0, 255, 255]);
});
