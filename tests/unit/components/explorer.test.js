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
import { colorIndex, rootTable, writeColors } from "../../../dashboard/components/shared/colors.js";
import { blendImage } from "../../../dashboard/components/explorer/scene.js";

const MAGENTA = { color: [255, 0, 128], share: 0.65 };

Deno.test("the overlay leaves patches without attention as they are and tints the largest weights", () => {
  // 4 x 4 pixels of 2 x 2 patches with the weights 0, 1, 2 and 4; the last pixel is painted
  const image = Uint8Array.from({ length: 48 }, (_, i) => (37 * i) % 256), mask = new Uint8Array(16);
  const header = { size: 4, side: 2, mean: [10, 20, 30] }, weights = [0, 1, 2, 4];
  mask[15] = 1;
  const blended = (map) => {
    const out = new Uint8ClampedArray(64);
    blendImage(out, image, header, mask, map, 4, MAGENTA);
    return out;
  };
  const plain = blended(null), tinted = blended(weights);
  for (let pixel = 0; pixel < 16; pixel++) {
    const patch = 2 * Math.floor(pixel / 8) + Math.floor((pixel % 4) / 2);
    const photo = pixel === 15 ? header.mean : [...image.subarray(3 * pixel, 3 * pixel + 3)];
    const amount = pixel === 15 ? 0 : (0.65 * weights[patch]) / 4;
    assert.deepEqual([...plain.subarray(4 * pixel, 4 * pixel + 4)], [...photo, 255]);
    MAGENTA.color.forEach((color, channel) => {
      const expected = photo[channel] + amount * (color - photo[channel]);
      assert.ok(Math.abs(tinted[4 * pixel + channel] - expected) <= 0.51);
    });
  }
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

Deno.test("the colors of many values are those that are chosen one by one", () => {
  const colors = Uint32Array.from({ length: 256 }, (_, i) => 1000 + i);
  const values = Float32Array.from({ length: 401 }, (_, i) => (i - 200) / 150); // beyond both ends
  for (const [signed, root] of [[false, false], [false, true], [true, false], [true, true]]) {
    const pixels = new Uint32Array(403).fill(7);
    writeColors(pixels, 2, values, 1, 400, { colors, max: 1.1, signed, root });
    assert.deepEqual([pixels[0], pixels[1], pixels[402]], [7, 7, 7]);
    const expected = [...values.subarray(1)].map((v) => colors[colorIndex(v, 1.1, signed, root)]);
    assert.deepEqual([...pixels.subarray(2, 402)], expected);
  }
});
