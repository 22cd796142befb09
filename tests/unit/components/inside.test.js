// What the steppers through a block and through a convolution share: lists, titles and keys.

import assert from "node:assert/strict";
import { classPanel } from "../../../dashboard/components/inside/classes.js";
import { drawItems, leastWidth } from "../../../dashboard/components/inside/items.js";
import { shareWidth } from "../../../dashboard/components/inside/layout.js";
import { paintPanels } from "../../../dashboard/components/inside/paint.js";
import { InsideStepper } from "../../../dashboard/components/inside/stepper.js";

const THEME = { background: "#fff", track: "#ddd" };
const TYPE = { size: 13 };

// Return a painter that records its calls as [name, ...arguments].
function recorder() {
  const calls = [];
  const note = (name) => (...values) => calls.push([name, ...values]);
  return { calls, text: note("text"), rect: note("rect"), segment: note("segment"), pixels: note("pixels") };
}

Deno.test("the percentages of a list end inside its box, also in a small one", () => {
  const classes = ["airplane", "automobile", "cat"];
  const block = {
    logits: [0.588, -1.375, -12.519],
    probabilities: [0.5, 0.45, 0.05],
    header: { listed: [0, 1, 2], classes, truth: 2 },
  };
  for (const w of [175, 200, 299, 500]) {
    const p = recorder(), box = { x: 30, y: 0, w, h: 200 };
    drawItems(
      { diverging: new Uint32Array(256) },
      p,
      { ...classPanel(block), box },
      THEME,
      TYPE,
      () => false,
    );
    const right = p.calls.filter(([name, , , , type]) => name === "text" && type.align === "right");
    assert.equal(right.length, 3);
    for (const [, text, x] of right) assert.ok(x <= 30 + w, `${text} ends at ${x} of ${30 + w}`);
  }
});

Deno.test("a small list has whole labels, and its bars end before the numbers", () => {
  const heads = Array.from(
    { length: 8 },
    (_, n) => ({ label: `head ${n + 1}`, value: n + 1, text: "2.163" }),
  );
  const tokens = Array.from(
    { length: 8 },
    (_, n) => ({ label: `r6 c${n + 1}`, value: 0.08, text: "8.02\u00a0%" }),
  );
  for (
    const panel of [
      { items: heads, left: 62, right: 56, box: { x: 0, y: 0, w: 121, h: 215 } },
      { items: tokens, left: 40, right: 56, thumbs: true, box: { x: 0, y: 0, w: 139, h: 190 } },
    ]
  ) {
    const p = recorder();
    drawItems({ diverging: new Uint32Array(256) }, p, panel, THEME, TYPE, () => false);
    const texts = p.calls.filter(([name]) => name === "text"),
      bars = p.calls.filter(([name]) => name === "rect");
    const isNumber = ([, , , , type]) => type.align === "right";
    assert.deepEqual(
      texts.filter((one) => !isNumber(one)).map(([, text]) => text),
      panel.items.map(({ label }) => label),
    );
    const numbers = texts.filter(isNumber);
    assert.equal(bars.length, 8);
    bars.forEach(([, x, , w], n) => {
      const [, text, end, , type] = numbers[n];
      assert.ok(end <= panel.box.w && x + w < end - 0.52 * type.size * text.length);
    });
  }
});

Deno.test("a list without room for bars has its labels and numbers, inside its box", () => {
  const items = [{ label: "r2 c4", value: 1, text: "31.3\u00a0%" }, {
    label: "r10 c11",
    value: 0.5,
    text: "24.8\u00a0%",
  }];
  const p = recorder(),
    panel = { items, left: 56, right: 56, thumbs: true, tallest: 24, box: { x: 0, y: 0, w: 98, h: 60 } };
  drawItems({ diverging: new Uint32Array(256) }, p, panel, THEME, TYPE, () => false);
  assert.ok(p.calls.every(([name]) => name === "text"));
  for (const [, text, x, , type] of p.calls) {
    assert.ok(type.align === "right" ? x <= 98 && text.endsWith("%") : x < 40);
  }
});

Deno.test("a list of its least width has whole labels and bars", () => {
  const items = [{ label: "125: \u22125.293 \u00d7 (\u22120.045)", value: -1, text: "0.239" }];
  const panel = { items, left: 300, right: 300, signed: true }, p = recorder();
  const box = { x: 0, y: 0, w: leastWidth(panel), h: 20 };
  drawItems({ diverging: new Uint32Array(256) }, p, { ...panel, box }, THEME, TYPE, () => false);
  assert.deepEqual(p.calls.map(([name, text]) => name === "text" ? text : name), [
    items[0].label,
    "rect",
    "0.239",
  ]);
});

Deno.test("columns have their shares, and at least the width of their lists if all have room", () => {
  const columns = [{ wide: 2, least: 0 }, { wide: 1, least: 150 }, { wide: 1, least: 60 }];
  assert.deepEqual(shareWidth(columns, 800), [400, 200, 200]);
  assert.deepEqual(shareWidth(columns, 400), [500 / 3, 150, 250 / 3]);
  assert.deepEqual(shareWidth(columns, 270), [60, 150, 60]); // a second column falls short in turn
  assert.deepEqual(shareWidth(columns, 200), [100, 50, 50]); // there is no room for the lists
});

Deno.test("the pictures of a list are to the right of its numbers", () => {
  const items = [{ label: "unit 1", value: 1, text: "1.000" }];
  for (const [w, most] of [[165, 1], [240, 4], [400, 4]]) {
    const p = recorder(), box = { x: 0, y: 0, w, h: 90 }, found = [];
    const panel = { box, items, left: 62, right: 56, tallest: 86, pictures: 4 };
    const add = (_item, _y, _high, x, size, count) => found.push([x, size, count]);
    drawItems({ diverging: new Uint32Array(256) }, p, panel, THEME, TYPE, () => false, add);
    const number = p.calls.find(([name, text]) => name === "text" && text === "1.000");
    assert.ok(found[0][0] >= number[2]);
    const [[x, size, count]] = found;
    assert.equal(count, most);
    assert.ok(size >= 16 && x + count * (size + 4) <= w + 1e-6, `${size} pixels at ${x} of ${w}`);
  }
});

Deno.test("lines between panels do not cross the titles", () => {
  const p = recorder(), box = { x: 10, y: 50, w: 300, h: 80 }, title = "weights, sum 1";
  const panels = [{ kind: "bars", box, title }];
  paintPanels({ layout: { panels, signs: [] } }, p, THEME, TYPE, { bars: () => {} });
  const [cover, text] = p.calls;
  assert.deepEqual([cover[0], text[0], text[1]], ["rect", "text", title]);
  const [, x, y, w, h, look] = cover;
  assert.equal(look.fill, THEME.background);
  assert.ok(x <= 10 && x + w >= 10 + 6 * title.length && y < text[3] - 5 && y + h > text[3] + 5);
});

// A stepper through three blocks of two steps, and a third step after the last block.
class Blocks extends /** @type {any} */ (InsideStepper) {
  get lastStep() {
    return this.at === 2 ? 2 : 1;
  }
  get onward() {
    return this.at === 2 ? null : { loads: true };
  }
  leave() {
    this.asked = this.at + 1;
  }
  arrive() {
    [this.at, this.step, this.asked] = [this.asked, 0, null];
    this.scheduleStep(); // as `update` does
  }
  set(changes) {
    Object.assign(this, changes);
  }
  refresh() {}
}

// Return this stepper at the first step, without its elements on a page.
function blocks(standalone) {
  const state = { at: 0, step: 0, asked: null, playing: false };
  const page = { root: { isConnected: true }, block: { header: { standalone } } };
  return Object.assign(Object.create(Blocks.prototype), state, page);
}

// Play until no timer is left and no block is asked for. Return the steps as "block.step".
function played(stepper) {
  const { setTimeout: original } = globalThis, seen = [];
  let next = null;
  globalThis.setTimeout = /** @type {any} */ ((act) => (next = act, 0));
  try {
    stepper.play(true);
    for (let n = 0; n < 30 && (next || stepper.asked !== null); n++) {
      const act = next;
      next = null;
      seen.push(`${stepper.at}.${stepper.step}`);
      if (act) act();
      else stepper.arrive();
    }
  } finally {
    globalThis.setTimeout = original;
  }
  return seen;
}

Deno.test("playing goes through all blocks to the classifier, and waits for each block", () => {
  const stepper = blocks(false);
  // the last step of a block is seen twice: until its time is over, and until the next block arrives
  assert.deepEqual(played(stepper), ["0.0", "0.1", "0.1", "1.0", "1.1", "1.1", "2.0", "2.1", "2.2"]);
  assert.equal(stepper.playing, false);
});

Deno.test("playing begins with the next block after the last step of a block", () => {
  const stepper = blocks(false);
  stepper.step = 1;
  assert.deepEqual(played(stepper).slice(0, 2), ["0.1", "1.0"]);
});

Deno.test("in a file, playing ends with the block", () => {
  const stepper = blocks(true);
  assert.deepEqual(played(stepper), ["0.0", "0.1"]);
  assert.equal(stepper.playing, false);
  assert.deepEqual(played(stepper), ["0.0", "0.1"]); // and begins again
});

// A stepper at step 1 of block 1 on a page with this address.
class Linked extends /** @type {any} */ (InsideStepper) {
  get blockIndex() {
    return this.block.header.at;
  }
  get linkedBlock() {
    return Number(this.linked.get("layer")) - 1;
  }
  restore() {
    this.step = Number(this.linked.get("step")) - 1;
  }
  state() {
    return { layer: String(this.blockIndex + 1), step: String(this.step + 1) };
  }
  expectBlock(block) {
    this.asked = block;
  }
  refresh() {}
}

Deno.test("Back shows the step in the address, and keeps the address of another block", () => {
  const block = { header: { at: 0 } }, state = { block, step: 0, asked: null, playing: false };
  const stepper = Object.assign(Object.create(Linked.prototype), state);
  Object.assign(globalThis, { window: { location: { search: "?layer=1&step=3" } } });
  stepper.revisit();
  assert.deepEqual([stepper.step, stepper.returning], [2, false]);
  assert.deepEqual(stepper.parameters(), { layer: "1", step: "3" });
  Object.assign(globalThis, { window: { location: { search: "?layer=2&step=4" } } });
  stepper.revisit();
  assert.deepEqual([stepper.step, stepper.asked, stepper.returning], [2, 1, true]);
  assert.equal(stepper.parameters(), null); // until the numbers of the other block arrive
});
