// Messages that Python packs. messages.py writes message.json.

import assert from "node:assert/strict";
import { unpack } from "../../../dashboard/components/explorer/frames.js";
import { maskBits, maskText, paintBrush } from "../../../dashboard/components/explorer/mask.js";
import { colorIndex, colorTable, decodeBase64 } from "../../../dashboard/components/shared/colors.js";
import { readHeader } from "../../../dashboard/components/shared/message.js";
import written from "./message.json" with { type: "json" };

const bytes = decodeBase64(written.bytes);

Deno.test("the header equals the one that Python packed, including characters of several bytes", () => {
  const { header, offset } = readHeader(bytes);
  for (const [name, value] of Object.entries(written.header)) assert.deepEqual(header[name], value);
  assert.equal(offset % 4, 0);
  assert.equal(decodeBase64(header.colors).length, 3 * 256);
  assert.equal(decodeBase64(header.diverging).length, 3 * 256);
});

Deno.test("image, weights and rollout equal those that Python packed", () => {
  const { image, frame } = unpack(bytes);
  assert.deepEqual([...image], written.image);
  assert.deepEqual([...frame.weights], written.weights);
  assert.deepEqual([...frame.rollout], written.rollout);
});

Deno.test("a message without the image has the same weights", () => {
  const { image, frame } = unpack(decodeBase64(written.without_image));
  assert.equal(image, null);
  assert.deepEqual([...frame.weights], written.weights);
  assert.deepEqual([...frame.rollout], written.rollout);
});

Deno.test("a message can be read from the middle of a larger buffer", () => {
  const shifted = new Uint8Array(bytes.length + 7);
  shifted.set(bytes, 5);
  const { image, frame } = unpack(shifted.subarray(5, 5 + bytes.length));
  assert.deepEqual([...image], written.image);
  assert.deepEqual([...frame.rollout], written.rollout);
});

Deno.test("a mask is written as the text that the server reads, and parsed from it", () => {
  const { text, bits } = written.mask;
  assert.equal(maskText(Uint8Array.from(bits), "abc123"), text);
  assert.deepEqual([...maskBits(text, "abc123", bits.length)], bits);
});

Deno.test("a mask of another image, an empty one and an invalid one leave the image unpainted", () => {
  const count = written.mask.bits.length, nothing = new Array(count).fill(0);
  for (const text of [written.mask.text.replace("abc123", "def456"), "abc123.", "abc123.!!!", null]) {
    assert.deepEqual([...maskBits(text, "abc123", count)], nothing);
  }
  assert.equal(maskText(new Uint8Array(count), "abc123"), null);
});

Deno.test("the brush paints the square around a point, and at least the pixel below it", () => {
  const mask = new Uint8Array(100);
  paintBrush(mask, 10, 0.55, 0.35); // of a width of 1.1 pixels, around the middle of a pixel
  assert.deepEqual([...mask.keys()].filter((i) => mask[i]), [35]);
  const small = new Uint8Array(16);
  paintBrush(small, 4, 0.3, 0.9); // of a width of 0.44 pixels, away from the middle of its pixel
  assert.deepEqual([...small.keys()].filter((i) => small[i]), [13]);
  const large = new Uint8Array(50 * 50);
  paintBrush(large, 50, 0, 0); // a corner: the pixels whose middle is in a quarter of 5.5 x 5.5 pixels
  const painted = [...large.keys()].filter((i) => large[i]).map((i) => [Math.floor(i / 50), i % 50]);
  const expected = [0, 1, 2].flatMap((row) => [0, 1, 2].map((column) => [row, column])).filter(([r, c]) =>
    r + 0.5 <= 2.75 && c + 0.5 <= 2.75
  );
  assert.deepEqual(painted, expected);
});

Deno.test("a color is one number whose first byte in memory is red", () => {
  const colors = Uint8Array.from({ length: 768 }, (_, i) => i % 251);
  const memory = new Uint8Array(colorTable(colors).buffer);
  for (const i of [0, 1, 100, 255]) {
    assert.deepEqual([...memory.subarray(4 * i, 4 * i + 4)], [...colors.subarray(3 * i, 3 * i + 3), 255]);
  }
});

Deno.test("a value beyond the scale has the color at its end", () => {
  assert.deepEqual([0, 1, 2, 3].map((v) => colorIndex(v, 2, false)), [0, 128, 255, 255]);
  assert.deepEqual([-9, -2, 0, 2, 9].map((v) => colorIndex(v, 2, true)), [0, 0, 128, 255, 255]);
});
