// The order of the heads in the grid, and the summary of one head.

import assert from "node:assert/strict";
import { measureOf, summaryOf } from "../../../dashboard/components/explorer/behavior.js";
import { cellUnder, gridPlan, scrollFor } from "../../../dashboard/components/explorer/grid.js";

const MAPS = { rows: 4, columns: 5, first: 1 }; // 3 layers of 4 heads, with their means
const HEADS = Array.from({ length: 12 }, (_, i) => [i % 3, Math.floor(i / 3)]);
const MEASURE = {
  order: "distance",
  label: "mean distance",
  unit: " px",
  tiles: [0, 1, 2].map((r) => [0, 1, 2, 3].map((c) => `${r}${c}`)),
  texts: [0, 1, 2].map((r) => [0, 1, 2, 3].map((c) => `${r}${c} ± 1 pixels`)),
  groups: [
    { label: "under 8 pixels", heads: HEADS.slice(0, 7) },
    { label: "from 8 pixels", heads: HEADS.slice(7) },
  ],
};
const BEHAVIOR = { count: 200, ablated: 200, measures: [MEASURE] };
const HEADER = { layers: 3, heads: 4, behavior: BEHAVIOR };

Deno.test("ordered maps flow in the order of the measure, and each point belongs to its head", () => {
  for (const [w, h] of [[600, 360], [300, 500], [1500, 900], [120, 100]]) {
    const plan = gridPlan(MAPS, w, h, 1, MEASURE);
    assert.deepEqual(plan.cells.map(({ r, c }) => [r, c]), HEADS);
    const lines = plan.cells.map(({ left, top }) => [top, left]);
    const reading = lines.toSorted((a, b) => a[0] - b[0] || a[1] - b[1]);
    assert.deepEqual(lines, reading, `${w} x ${h}`);
    for (const { r, c, left, top } of plan.cells) {
      assert.deepEqual(cellUnder(plan, left + plan.unit / 2, top + plan.unit / 2), { r, c });
      assert.deepEqual(plan.at(r, c), [left, top]);
    }
    assert.equal(plan.at(3, 0), null); // the means have no value
    assert.ok(plan.width <= Math.max(w, 60));
    if (h > 300) assert.ok(plan.height <= h, `${plan.height} of ${h}`);
  }
});

Deno.test("each ordered map has its layer, head and value, and each group a heading with its size", () => {
  const { texts } = gridPlan(MAPS, 600, 360, 1, MEASURE);
  assert.deepEqual(texts.filter((t) => t.heading).map((t) => t.text), [
    "under 8 pixels: 7 heads",
    "from 8 pixels: 5 heads",
  ]);
  assert.equal(gridPlan(MAPS, 600, 360, 1, MEASURE).headHeight, 0); // no row that belongs to all maps
  const tiles = texts.filter((t) => !t.heading).map((t) => t.text);
  assert.deepEqual(tiles.slice(0, 4), ["L1 H1", "00 px", "L2 H1", "10 px"]);
  assert.equal(tiles.length, 24);
  const low = gridPlan(MAPS, 300, 170, 1, MEASURE); // too low for names, but not for values
  assert.deepEqual(low.texts.filter((t) => !t.heading).slice(0, 2).map((t) => t.text), ["00 px", "10 px"]);
  assert.ok(low.height <= 170);
  const small = gridPlan(MAPS, 160, 120, 1, MEASURE); // too small for the unit
  assert.ok(small.texts.some((t) => t.text === "10") && !small.texts.some((t) => t.text === "10 px"));
});

Deno.test("a small map is named by its layer and head, not by two numbers that look like a value", () => {
  const names = (w, h, measure = MEASURE) =>
    gridPlan(MAPS, w, h, 1, measure).texts.filter((t) => /^L|^\d+\.\d+$/.test(t.text)).map((t) => t.text);
  assert.deepEqual(names(200, 1000).slice(0, 2), ["L1 H1", "L2 H1"]);
  assert.deepEqual(names(96, 190).slice(0, 2), ["L1H1", "L2H1"]);
  const deep = { ...MEASURE, groups: [{ label: "one", heads: [[0, 0]] }] };
  const { texts } = gridPlan(MAPS, 600, 360, 1, deep);
  assert.equal(texts.find((t) => t.heading).text, "one: 1 head");
});

Deno.test("maps without an order are rows of layers with their means", () => {
  const fine = gridPlan({ ...MAPS, patches: 37 ** 2 }, 600, 100);
  assert.deepEqual([fine.unit, gridPlan({ ...MAPS, patches: 37 ** 2 }, 174, 100).unit], [37, 16]);
  const plan = gridPlan(MAPS, 600, 360);
  assert.equal(plan.cells.length, 20);
  const [a, b, c] = [plan.at(0, 0), plan.at(0, 1), plan.at(1, 0)];
  assert.ok(a[1] === b[1] && a[0] < b[0] && a[0] === c[0] && a[1] < c[1]);
  assert.deepEqual(cellUnder(plan, plan.width - 12, plan.height - 10), { r: 3, c: 4 });
  assert.equal(cellUnder(plan, 2, 2), null);
});

Deno.test("many layers with few heads continue beside the first ones, if their maps become larger", () => {
  const tiny = { ...MAPS, rows: 13, columns: 4, patches: 14 ** 2 }; // of a DeiT-Ti/16
  const folded = gridPlan(tiny, 510, 400), rows = gridPlan(tiny, 200, 400);
  assert.ok(folded.unit > 40 && folded.width <= 510 && folded.height <= 400);
  assert.ok(rows.unit < 26 && rows.height <= 400);
  assert.equal(new Set(rows.cells.map(({ left }) => left)).size, 4);
  const [first, seventh, means] = [folded.at(0, 0), folded.at(6, 0), folded.at(12, 0)];
  assert.ok(seventh[1] === first[1] && seventh[0] > folded.at(0, 3)[0] + folded.unit);
  assert.ok(means[0] === seventh[0] && means[1] > folded.at(11, 0)[1] + folded.unit);
  assert.equal(folded.texts.filter(({ text }) => text === "head").length, 2);
  assert.equal(folded.cells.length, 52);
  for (const { r, c, left, top } of folded.cells) {
    assert.deepEqual(cellUnder(folded, left + 1, top + folded.unit - 1), { r, c });
  }
  const tall = gridPlan(tiny, 510, 600); // a column of layers would have maps of 33 pixels
  assert.ok(tall.unit > 40 && tall.at(6, 0)[1] === tall.at(0, 0)[1]);
  const scrolls = gridPlan({ ...tiny, patches: 37 ** 2 }, 480, 200); // two columns of maps of 37 pixels fit
  assert.equal(scrolls.unit, 37);
  assert.ok(scrolls.at(6, 0)[1] === scrolls.at(0, 0)[1] && scrolls.width <= 480 && scrolls.height > 200);
  const small = { ...MAPS, rows: 13, columns: 7, patches: 37 ** 2 }; // of a DINOv2 ViT-S at 518 pixels
  const beside = gridPlan(small, 680, 565); // a column of 37 pixels would scroll beside an empty half
  assert.equal(beside.at(6, 0)[1], beside.at(0, 0)[1]);
  assert.ok(beside.unit >= 30 && beside.width > 600 && beside.height <= 565);
  assert.equal(gridPlan(small, 511, 412).unit, 37); // two columns would have maps of 21 pixels
  const uneven = gridPlan({ ...tiny, rows: 15 }, 700, 300); // 14 layers, which may not fill the last column
  assert.ok(uneven.height <= 300 && uneven.width <= 700);
  assert.equal(new Set(uneven.cells.map(({ left, top }) => `${left} ${top}`)).size, 60);
});

Deno.test("every head has its number where the numbers do not overlap", () => {
  const labels = (columns, w) => {
    const plan = gridPlan({ ...MAPS, rows: 13, columns, patches: 14 ** 2 }, w, 400);
    return plan.texts.filter(({ y }) => y < 10).map(({ text }) => text);
  };
  assert.deepEqual(labels(4, 200), ["head", "1", "2", "3", "mean"]);
  assert.deepEqual(labels(13, 480), ["head", ..."1 2 3 4 5 6 7 8 9 10 11 12 mean".split(" ")]);
  assert.deepEqual(labels(13, 250), ["head", "1", "3", "5", "7", "9", "11", "mean"]);
});

Deno.test("a number of a head is dropped only where its text would meet that of the mean", () => {
  const base = { ...MAPS, rows: 13, columns: 13, patches: 14 ** 2 };
  const last = (meanWidth) => {
    const widthOf = (text) => (text === "mean" ? meanWidth : 6 * text.length); // "12" is 12 pixels wide
    const plan = gridPlan(base, 325, 400, 1, null, widthOf);
    assert.deepEqual([plan.unit, plan.gap], [16, 3]); // so 24 pixels from the middle of map 12 to the mean
    const [before, mean] = plan.texts.filter(({ y }) => y < plan.headHeight).slice(-2);
    assert.ok(mean.x + meanWidth / 2 <= plan.width);
    return [before.text, mean.x - before.x];
  };
  assert.deepEqual(last(30), ["12", 24]); // (12 + 30) / 2 = 21, so the texts are 3 pixels apart
  assert.deepEqual(last(34), ["12", 26]); // (12 + 34) / 2 + 3: "mean" is 2 pixels to the right of its maps
  assert.deepEqual(last(36), ["11", 43]); // 3 pixels more would be needed, and only 2 are there
});

Deno.test("the label of a layer begins in the grid, however wide its text is", () => {
  const large = { ...MAPS, rows: 25, columns: 17, patches: 16 ** 2 };
  for (const letter of [5, 6, 9]) {
    const plan = gridPlan(large, 510, 400, 1, null, (text) => letter * text.length);
    const labels = plan.texts.filter(({ text }) => text.startsWith("layer"));
    assert.equal(labels.at(-1).text, "layer 24");
    for (const { text, x } of labels) assert.ok(x - letter * text.length >= 0 && x < plan.at(0, 0)[0], text);
    assert.ok(plan.width <= 510);
  }
});

Deno.test("the maps of twelve layers and heads are close to each other where the window is low", () => {
  const base = gridPlan({ ...MAPS, rows: 13, columns: 13, patches: 14 ** 2 }, 510, 412);
  assert.ok(base.unit >= 22 && base.height <= 412);
  for (const { r, c, left, top } of base.cells) {
    for (const [x, y] of [[left, top], [left + 21, top], [left, top + 21]]) {
      assert.deepEqual(cellUnder(base, x, y), { r, c });
    }
  }
});

Deno.test("a grid that does not fit is scrolled to the chosen map, and no further", () => {
  const plan = gridPlan({ ...MAPS, rows: 13, patches: 37 ** 2 }, 172, 100), chosen = { layer: 11, head: 0 };
  const area = { scrollTop: 0, clientHeight: 100 }, [, top] = plan.at(11, 0);
  const scrolled = scrollFor(plan, chosen, area);
  assert.ok(scrolled <= top && top + plan.unit <= scrolled + 100);
  assert.equal(scrollFor(plan, chosen, { ...area, scrollTop: scrolled }), scrolled);
  assert.equal(scrollFor(plan, { layer: 0, head: 0 }, area), 0);
  assert.ok(scrollFor(plan, { layer: 0, head: 0 }, { ...area, scrollTop: scrolled }) <= plan.at(0, 0)[1]);
  const middle = scrollFor(plan, { layer: 5, head: 0 }, { ...area, scrollTop: scrolled });
  assert.ok(middle > 0 && middle + plan.headHeight < plan.at(5, 0)[1]); // below the numbers of the heads
  assert.equal(scrollFor(plan, { layer: 40, head: 0 }, { ...area, scrollTop: 7 }), 7); // not in the grid
});

Deno.test("heads are ordered only by a measure that has values", () => {
  assert.equal(measureOf({ header: HEADER, state: { order: "distance" } }), MEASURE);
  assert.equal(measureOf({ header: HEADER, state: { order: "layers" } }), null);
  assert.equal(measureOf({ header: HEADER, state: { order: "cls" } }), null); // a model without CLS
  assert.equal(measureOf({ header: { behavior: null }, state: { order: "distance" } }), null);
});

Deno.test("the summary has the values of one head, and says how many images were ablated if fewer", () => {
  const { about, values } = summaryOf({ header: HEADER, cell: { r: 2, c: 1 } });
  assert.match(about, /Layer 3, head 2\b.*\b200 test images\b/);
  const photographs = { header: { ...HEADER, sample: "photographs" }, cell: { r: 2, c: 1 } };
  assert.match(summaryOf(photographs).about, /\b200 photographs\b/);
  assert.deepEqual(values, [["mean distance", "21 ± 1 pixels"]]);
  const change = { ...MEASURE, order: "change", ablated: true, label: "log probability" };
  const header = { ...HEADER, behavior: { count: 200, ablated: 60, measures: [change] } };
  assert.match(summaryOf({ header, cell: { r: 0, c: 0 } }).values[0][0], /\b60 images/);
  assert.deepEqual(summaryOf({ header, cell: { r: 3, c: 0 } }).values, []);
});
