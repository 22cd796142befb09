// The stepper through a convolution: computations by hand, steps, what is under the pointer, texts.

import assert from "node:assert/strict";
import {
  mapsOf,
  nearestStep,
  normalize,
  parsePosition,
  sameNetwork,
  stepsOf,
  unpackConvolutions,
  windowAt,
} from "../../../dashboard/components/convolution/data.js";
import { convolutionRows } from "../../../dashboard/components/convolution/files.js";
import { followPlaces } from "../../../dashboard/components/convolution/input.js";
import { cellsIn, placePanels, rowsIn, whatIsAt } from "../../../dashboard/components/convolution/panels.js";
import { paintConvolution } from "../../../dashboard/components/convolution/scene.js";
import {
  convFacts,
  convReading,
  convSentence,
  fieldOf,
  shownOf,
} from "../../../dashboard/components/convolution/words.js";
import { announcePlace } from "../../../dashboard/components/shared/places.js";

const near = (a, b, error = 1e-6) => assert.ok(Math.abs(a - b) < error, `${a} is not ${b}`);

// A block: 2 channels of 4 x 4, a convolution with stride 2 to 3 channels of 2 x 2, then one with stride 1.
function packed(changes = {}) {
  const convolution = (inputs, inputSide, stride, field) => (
    { inputs, outputs: 3, inputSide, side: 2, stride, padding: 1, size: 3, eps: 0, field }
  );
  const header = {
    block: 1,
    blocks: 1,
    pre: false,
    convolutions: [convolution(2, 4, 2, [2, -2, 2]), convolution(3, 2, 1, [2, -4, 4])],
    projected: true,
    outputs: 2,
    only: null,
    size: 4,
    truth: 1,
    classes: ["cat", "dog"],
    stepName: "step",
    ...changes,
  };
  const to = (count, value) => Float32Array.from({ length: count }, (_, n) => value(n));
  const norm = (width) => [to(width, () => 1), to(width, () => 4), to(width, () => 2), to(width, (n) => n)];
  const arrays = [to(32, (n) => n)];
  for (const one of header.convolutions) {
    arrays.push(to(3 * one.inputs * one.size ** 2, (n) => (n % 7) - 3), to(12, (n) => n - 6));
    if (one.eps !== null) arrays.push(...norm(header.pre ? one.inputs : 3));
  }
  if (header.projected) arrays.push(to(12, () => 10));
  if (header.outputs) arrays.push(to(6, (n) => n), to(2, () => 0.5), to(3, (n) => n), to(2, (n) => n));
  const json = new TextEncoder().encode(JSON.stringify(header));
  const text = new Uint8Array(Math.ceil(json.length / 4) * 4).fill(32);
  text.set(json);
  const parts = [new Uint8Array(Uint32Array.of(text.length).buffer), text];
  parts.push(...arrays.map((values) => new Uint8Array(values.buffer)), new Uint8Array(48));
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return unpackConvolutions(bytes);
}

/** @returns {any} */
function viewOf(kind, index = 0, changes = {}, state = {}) {
  const block = packed(changes), one = block.convolutions[index], place = { row: 0, column: 1 };
  const pointed = { order: [1, 0], i: 1, t: 4, klass: 1, pooledChannel: 2 };
  const at = windowAt(block, index, 1, place.row, place.column);
  const view = { block, index, one, kind, channel: 1, place, at, w: 1000, h: 400, ...pointed, ...state };
  return { ...view, ...shownOf(view) };
}

Deno.test("a window at the border has zeros in the padding", () => {
  const { values, inside, products, sums, total } = windowAt(packed(), 0, 1, 0, 1);
  // rows -1 to 1, columns 1 to 3
  assert.deepEqual(Array.from(values.subarray(0, 9)), [0, 0, 0, 1, 2, 3, 5, 6, 7]);
  assert.deepEqual(Array.from(values.subarray(9)), [0, 0, 0, 17, 18, 19, 21, 22, 23]);
  assert.deepEqual(inside, [false, false, false, true, true, true, true, true, true]);
  const kernel = Array.from({ length: 18 }, (_, n) => ((n + 18) % 7) - 3);
  assert.deepEqual(Array.from(products), Array.from(values, (v, n) => v * kernel[n]));
  near(sums[0] + sums[1], total);
  near(total, products.reduce((a, b) => a + b, 0));
});

const sized = (size, padding, field) => ({
  convolutions: [{ inputs: 2, outputs: 3, inputSide: 4, side: 2, stride: 2, padding, size, eps: 0, field }],
});

Deno.test("a window of 1 x 1 is one position of each channel", () => {
  const view = viewOf("window", 0, sized(1, 0, [2, 0, 0]), { i: 0, t: 0 });
  assert.deepEqual(Array.from(view.at.values), [2, 18]); // row 0, column 2
  assert.deepEqual(Array.from(view.at.kernel), [2 - 3, 3 - 3]);
  near(view.at.total, -2);
  assert.match(convSentence(view), /one position of the input, in all 2 channels/);
  assert.match(convReading(view), /^Input channel 1, row 1, column 3: 2\.000\.$/);
  assert.equal(convolutionRows(viewOf("products", 0, sized(1, 0, [2, 0, 0]))).length, 1 + 2);
});

Deno.test("a window of 7 x 7 reaches three positions beyond its center", () => {
  const view = viewOf("window", 0, sized(7, 3, [2, -3, 3]), { i: 0, t: 24 });
  const inside = view.at.inside.map((one, t) => one ? t : null).filter((t) => t !== null);
  // rows -3 to 3 of 0 to 3, columns -1 to 5 of 0 to 3
  assert.deepEqual(inside, [22, 23, 24, 25, 29, 30, 31, 32, 36, 37, 38, 39, 43, 44, 45, 46]);
  assert.match(convSentence(view), /7 × 7 neighboring positions/);
  assert.match(convReading(view), /^Input channel 1, row 1, column 3: 2\.000\.$/);
  const layout = placePanels(view), tiles = layout.panels.find(({ id }) => id === "windows"), { box } = tiles;
  const { pitch, gap } = cellsIn(box, 2), cell = (pitch - gap) / 7;
  assert.equal(whatIsAt(view, layout, box.x + 4.5 * cell, box.y + 2.5 * cell).t, 2 * 7 + 4);
});

Deno.test("the stem says that max pooling follows", () => {
  const stem = { ...sized(7, 3, [2, -3, 3]), block: 0, projected: false, outputs: 0, pooled: true };
  assert.match(convSentence(viewOf("relu", 0, stem)), /Block 1 reads the largest .*max pooling/);
});

Deno.test("if only one kernel was sent, it belongs to the chosen channel", () => {
  const block = packed({ only: 2, projected: false, outputs: 0 });
  assert.equal(block.convolutions[0].weight.length, 18);
  assert.equal(windowAt(block, 0, 2, 0, 0).kernel[1], block.convolutions[0].weight[1]);
});

Deno.test("batch norm uses the four numbers of each channel", () => {
  const values = Float32Array.of(3, 5, 3, 5), two = (...v) => Float32Array.of(...v);
  const norm = { mean: two(1, 3), variance: two(4, 1), scale: two(1, 10), shift: two(0, 7), eps: 0 };
  assert.deepEqual(Array.from(normalize(values, norm)), [1, 2, 7, 27]);
});

Deno.test("the residual is added before the last ReLU, and with pre-activation nothing follows", () => {
  const block = packed(), last = block.convolutions[1];
  near(block.sum[0], last.normalized[0] + 10);
  assert.equal(block.output[0], Math.max(0, block.sum[0]));
  assert.deepEqual(mapsOf(block, 1, "relu"), [block.sum, block.output]);
  assert.deepEqual(block.convolutions[1].reads, block.convolutions[0].activated);
  const pre = packed({ pre: true });
  near(pre.sum[0], pre.convolutions[1].output[0] + 10);
  assert.equal(pre.output, pre.sum);
  assert.deepEqual(mapsOf(pre, 1, "norm")[0], pre.convolutions[0].output);
  near(pre.convolutions[0].reads[0], Math.max(0, (0 - 1) / 2 * 2 + 0));
});

Deno.test("steps follow the order of computation", () => {
  const core = ["window", "kernel", "products", "sum"];
  assert.deepEqual(stepsOf(packed(), 0), [...core, "norm", "relu"]);
  assert.deepEqual(stepsOf(packed(), 1), [...core, "norm", "residual", "relu", "head"]);
  assert.deepEqual(stepsOf(packed({ pre: true }), 1), ["norm", "relu", ...core, "residual", "head"]);
});

Deno.test("another convolution is shown at the same step, or at the last one before it", () => {
  const shown = (block, index, kind) => stepsOf(block, index)[nearestStep(block, index, kind)];
  const block = packed(), pre = packed({ pre: true });
  assert.equal(shown(block, 0, "products"), "products");
  assert.equal(shown(block, 1, "residual"), "residual");
  assert.equal(shown(block, 0, "residual"), "norm"); // ReLU follows the sum
  assert.equal(shown(block, 0, "head"), "relu");
  assert.equal(shown(pre, 0, "residual"), "sum");
  assert.equal(shown(packed({ pre: true, block: 0 }), 0, "norm"), "window");
});

Deno.test("positions are parsed by the rules of the server", () => {
  assert.deepEqual(parsePosition("2.4", 4), { row: 1, column: 3 });
  for (const text of ["0.1", "1.5", "01.1", "1", "1.1.1", "+1.1", null]) {
    assert.equal(parsePosition(text, 4), null);
  }
});

Deno.test("the field of a position is clipped to the image", () => {
  assert.deepEqual(fieldOf(viewOf("window"), { row: 0, column: 1 }), [0, 0, 2, 3]);
});

Deno.test("tiles fill their box in the best number of columns", () => {
  assert.equal(cellsIn({ w: 300, h: 100 }, 3).columns, 3);
  assert.equal(cellsIn({ w: 100, h: 300 }, 3).columns, 1);
  const { columns, pitch } = cellsIn({ w: 200, h: 200 }, 64);
  assert.deepEqual([columns, pitch], [8, 25]);
});

Deno.test("rows that do not fit become one", () => {
  const order = Array.from({ length: 20 }, (_, n) => n);
  assert.equal(rowsIn({ order }, 320).length, 9);
  assert.equal(rowsIn({ order: [0, 1] }, 320).length, 2);
});

for (const width of [1000, 360]) {
  Deno.test(`the pointer finds every panel at ${width} pixels`, () => {
    for (const index of [0, 1]) {
      for (const kind of stepsOf(packed(), index)) {
        const view = viewOf(kind, index, {}, { w: width, h: width < 680 ? 680 : 400 }),
          layout = placePanels(view);
        for (const { id, box } of layout.panels) {
          assert.ok(box.x >= 0 && box.x + box.w <= width + 1 && box.w > 20 && box.h > 20, `${kind} ${id}`);
          assert.equal(whatIsAt(view, layout, box.x + 12, box.y + 12)?.panel, id);
        }
        const { image } = layout, middle = image.size / 4;
        assert.deepEqual(whatIsAt(view, layout, image.x + middle, image.y + middle).place, {
          row: 0,
          column: 0,
        });
      }
    }
  });
}

const LETTER = 7.2; // pixels of a character of 13 pixels, on average

// Return the boxes [left, top, right, bottom] of all texts, tiles and bars that the rows of a step draw.
function boxesOfRows(view) {
  const boxes = [], box = (x, y, w, h) => boxes.push([x, y, x + w, y + h]);
  const painter = {
    text(text, x, y, { size, align = "left" }) {
      const w = text.length * LETTER * size / 13, back = { left: 0, center: w / 2, right: w }[align];
      box(x - back, y - size / 2, w, size);
    },
    pixels: (_source, _sx, _sy, _sw, _sh, x, y, w, h) => box(x, y, w, h),
    rect: (x, y, w, h, { fill }) => fill?.startsWith("rgb") && box(x, y, w, h), // a bar
    segment() {},
  };
  const layout = { ...placePanels(view), signs: [] };
  layout.panels = layout.panels.filter(({ kind }) => kind === "rows");
  paintConvolution({ ...view, layout, diverging: new Uint32Array(256) }, painter, { font: "Inter" });
  const { box: { x, y } } = layout.panels[0];
  return { panel: layout.panels[0].box, boxes: boxes.filter((one) => one[0] >= x - 1 && one[1] >= y - 1) };
}

function withoutDocument(test) {
  const picture = (w, h) => ({ data: { buffer: new ArrayBuffer(4 * w * h) } });
  const context = { createImageData: picture, putImageData() {} };
  Object.assign(globalThis, { document: { createElement: () => ({ getContext: () => context }) } });
  try {
    test();
  } finally {
    delete (/** @type {any} */ (globalThis).document);
  }
}

Deno.test("a number of many digits fits into its cell on a phone", () => {
  const view = viewOf("products", 0, {}, { w: 346, h: 772, picture: {} }), widths = [];
  view.at.products.fill(0.000041);
  const layout = placePanels(view), grids = layout.panels.filter(({ kind }) => kind === "grid");
  const cell = grids[0].box.w / view.one.size;
  const text = (words, _x, _y, { size }) => words === "0.000041" && widths.push(0.6 * size * words.length);
  const painter = { text, pixels() {}, rect() {}, dot() {}, segment() {} };
  const painted = { ...view, layout: { ...layout, panels: grids }, diverging: new Uint32Array(256) };
  paintConvolution(painted, painter, { font: "Inter" });
  assert.equal(widths.length, view.one.area);
  for (const width of widths) assert.ok(width < cell - 2, `${width} of ${cell} pixels`);
});

for (const [inputs, block] of [[3, 0], [12, 1]]) {
  Deno.test(`the rows of ${inputs} sums do not overlap in any width`, () => {
    withoutDocument(() => {
      const one = { inputs, outputs: 3, inputSide: 4, side: 4, stride: 1, padding: 1, size: 3, eps: 0 };
      const convolutions = [{ ...one, field: [1, -1, 1] }];
      const changes = { block, projected: false, outputs: 0, convolutions };
      const order = Array.from({ length: inputs }, (_, n) => n);
      for (let w = 400; w <= 1700; w += 20) {
        for (const h of [170, 260, 500]) {
          const state = { order, w, h, picture: {} };
          const { panel, boxes } = boxesOfRows(viewOf("sum", 0, changes, state));
          assert.ok(boxes.length >= 15);
          boxes.forEach((a, n) => {
            assert.ok(a[2] <= panel.x + panel.w + 1, `${w} x ${h}: ${a} ends outside of the panel`);
            for (const b of boxes.slice(n + 1)) {
              const apart = a[2] <= b[0] || b[2] <= a[0] || a[3] <= b[1] || b[3] <= a[1];
              assert.ok(apart, `${w} x ${h}: ${a} and ${b}`);
            }
          });
        }
      }
    });
  });
}

Deno.test("a position of the input leads to that of the output", () => {
  const view = viewOf("window"), layout = placePanels(view), { box } = layout.panels[0];
  const at = (x, y) => whatIsAt(view, layout, box.x + x * box.w, box.y + y * box.h).place;
  assert.deepEqual(at(0.1, 0.9), { row: 1, column: 0 });
  assert.deepEqual(at(0.6, 0.3), { row: 0, column: 1 });
});

Deno.test("readings write out the computation", () => {
  assert.match(convReading(viewOf("window")), /^Input channel 2, row 1, column 3: 18\.00\.$/);
  assert.match(convReading(viewOf("window", 0, {}, { t: 0 })), /outside of the input, and counts as 0/);
  assert.match(convReading(viewOf("products")), /18\.00 × \(?\S+\)? = /);
  assert.match(convReading(viewOf("sum")), /smaller terms\) = .*all 2 channels: /);
  assert.match(
    convReading(viewOf("norm")),
    /^Row 1, column 2, channel 2: \(.* − 1\.000\) \/ 2\.000 × 2\.000 \+ 1\.000 = /,
  );
  assert.match(convReading(viewOf("relu")), /max\(0, .*\) = /);
  assert.match(convReading(viewOf("residual", 1)), / \+ 10\.00 \(shortcut\) = /);
  assert.match(convReading(viewOf("head", 1)), /^dog: .*\(offset\) = 1\.000; softmax 73\.1/);
});

Deno.test("texts say what local and shared mean, with the sizes of this layer", () => {
  assert.match(convSentence(viewOf("window")), /^Local: .*3 × 3 .*all 2 channels/);
  assert.match(convSentence(viewOf("kernel")), /^Shared: channel 2 has one kernel of 18 weights/);
  assert.match(convFacts(viewOf("window")), /^18 of the 32 numbers.*3 × 4 of 4 × 4 pixels/);
  assert.match(convFacts(viewOf("kernel")), /54 weights\..*4 positions would need 216\./);
  assert.match(convSentence(viewOf("relu", 1)), /The classifier reads it/);
  assert.match(convSentence(viewOf("relu", 0)), /Convolution 2 reads it/);
});

Deno.test("the rows of the file are those of the step", () => {
  assert.equal(convolutionRows(viewOf("products")).length, 1 + 18);
  assert.deepEqual(convolutionRows(viewOf("sum"))[2][0], "input channel 2");
  const [head, first] = convolutionRows(viewOf("residual", 1));
  assert.deepEqual(head, ["row", "column", "convolutions", "shortcut", "sum"]);
  near(first[2] + first[3], first[4]);
  assert.equal(convolutionRows(viewOf("norm")).length, 1 + 4);
  assert.equal(convolutionRows(viewOf("norm", 0, { pre: true })).length, 1 + 16);
  assert.deepEqual(convolutionRows(viewOf("head", 1))[1].slice(0, 2), ["cat", 0]);
});

Deno.test("another network with as many blocks does not keep a step or a convolution that it lacks", () => {
  const { header } = packed(), bottleneck = [...header.convolutions, header.convolutions[1]];
  const before = packed({ pre: true, outputs: 0 });
  assert.ok(sameNetwork(header, packed().header)); // the same data again, while the run trains
  assert.ok(stepsOf(before, 1).length > stepsOf({ header }, 0).length);
  assert.ok(!sameNetwork(before.header, header));
  assert.ok(!sameNetwork(packed({ convolutions: bottleneck }).header, header));
  assert.ok(!sameNetwork(packed(sized(7, 3, [2, -3, 3])).header, header));
  assert.ok(!sameNetwork({ ...header, blocks: 2 }, header));
  assert.ok(sameNetwork({ ...header, block: 0, convolutions: [] }, header)); // another block of it
});

Deno.test("a stepper follows the chosen patch until it leaves the page", () => {
  const lifetime = new AbortController(), changes = [];
  const block = { header: { stepName: "convolution_step" } };
  const home = { row: 1, column: 3 }, set = (change) => changes.push(change);
  followPlaces({ block, root: { isConnected: true }, home, set }, lifetime.signal);
  announcePlace(6, { side: 4, first: 1 });
  announcePlace(0, { side: 4, first: 1 });
  assert.deepEqual(changes, [{ pinned: home }, {}]);
  lifetime.abort();
  announcePlace(6, { side: 4, first: 1 });
  assert.equal(changes.length, 2);
});
