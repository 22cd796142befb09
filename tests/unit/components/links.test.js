// What the browser reads from a link. test_links.py checks that Python reads the same.

import { parseToken, tokenText } from "../../../dashboard/components/shared/tokens.js";
import assert from "node:assert/strict";
import { readState } from "../../../dashboard/components/explorer/state.js";
import { parseCells, parseFrame, startFrame } from "../../../dashboard/components/replay/state.js";
import { stepsOf } from "../../../dashboard/components/convolution/data.js";
import written from "./links.json" with { type: "json" };

/** @type {any} */
const links = written;

Deno.test("tokens, layers, heads and snapshots are read from a link, and others give the default", () => {
  const parameters = {
    names: [],
    choices: { direction: ["queries"], scale: ["shared"], content: ["image"], order: ["layers"] },
  };
  const header = { ...links.explorer.header, parameters };
  const defaults = readState("", header);
  for (const [name, text, expected] of links.explorer.cases) {
    const search = new URLSearchParams([[name, text]]).toString();
    assert.equal(readState(search, header)[name], expected ?? defaults[name], `${name}=${text}`);
    if (name === "query") assert.equal(parseToken(text, header), expected, text);
  }
});

Deno.test("tokens before the patches are read from a link by their names", () => {
  for (const [prefix, text, expected] of links.tokens) {
    const header = { side: 8, first: prefix.length, prefix };
    assert.equal(parseToken(text, header), expected, text);
    if (expected !== null) assert.equal(tokenText(expected, header), text);
  }
});

Deno.test("frames are read from a link as offsets from the unchanged image", () => {
  const names = Array.from({ length: 199 }, (_, i) => String(i));
  const header = { rows: names, columns: names, start: 99 * 199 + 99 };
  const [row, column] = startFrame(header);
  for (const [text, offset] of links.frames) {
    assert.deepEqual(parseFrame(text, header), offset && [row + offset[0], column + offset[1]], text);
  }
});

Deno.test("painted cells are read from a link", () => {
  for (const [text, cells] of links.cells) {
    const bits = parseCells(text, 64);
    assert.deepEqual(bits && [...bits].flatMap((bit, i) => (bit === "1" ? [i] : [])), cells, text);
  }
});

Deno.test("a convolution has the steps that the server accepts in a link", () => {
  for (const [model, block, convolution, count] of links.convolutionSteps) {
    const header = { pre: model === "preactresnet", block, convolutions: Array(block ? 2 : 1) };
    const steps = stepsOf({ header: { ...header, outputs: block === 4 ? 10 : 0 } }, convolution - 1);
    assert.equal(steps.length, count, `convolution ${convolution} of block ${block} of a ${model}`);
  }
});
