// What the steppers through a block and through a convolution share: lists, titles and keys.

import assert from "node:assert/strict";
import { classPanel } from "../../../dashboard/components/inside/classes.js";
import { drawItems, paintPanels } from "../../../dashboard/components/inside/paint.js";

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
