// The meanings of the symbols in formulas: none is missing, and none is of another formula.

import assert from "node:assert/strict";
import { symbolsOf } from "../../../dashboard/components/block/symbols.js";
import { formulaOf } from "../../../dashboard/components/block/words.js";
import { convSymbols } from "../../../dashboard/components/convolution/symbols.js";
import { convFormula } from "../../../dashboard/components/convolution/words.js";
import { viewOf } from "./small_block.js";

const GREEK = /[\u0391-\u03c9\u2016]/g;

// Compare a formula in HTML with its meanings.
function check(formula, symbols, context) {
  const text = formula.replace(/<[^>]+>/g, "");
  const lines = symbols.split("\n"), meanings = lines.slice(0, -1);
  assert.match(lines.at(-1), /^Shape: \w/);
  const keys = meanings.map((line) => line.slice(0, line.indexOf(": ")));
  for (const [i, key] of keys.entries()) {
    const symbol = key.split(/[_, \u2032\u2081\u2082]/)[0];
    assert.ok(text.includes(symbol), `${context}: ${symbol} is not in ${text}`);
    assert.ok(meanings[i].length > key.length + 3, `${context}: ${key} has no meaning`);
  }
  const italic = [...formula.matchAll(/<i>(.*?)<\/i>/g)].map(([, inner]) => inner.replace(/<[^>]+>/g, ""));
  const letters = new Set([...italic.join("").matchAll(/[a-zA-Z]/g)].map(([letter]) => letter));
  for (const letter of [...letters, ...text.match(GREEK) ?? []]) {
    const known = new RegExp(`(^|[^a-zA-Z])${letter}(?![a-zA-Z])`);
    assert.ok(meanings.some((line) => known.test(line)), `${context}: ${letter} of ${text} has no meaning`);
  }
}

Deno.test("only the symbols of a formula have a meaning, and all of them, in each step of a block", () => {
  const headers = [
    {},
    { norm: "post" },
    { norm: "cct" },
    { scaled: true, activation: "quick_gelu", biases: { qkv: false, block: false }, rotary: true },
    { head: { reads: ["cls"], norm_first: false, layer: "tanh" } },
    { head: { reads: ["mean"], norm_first: true, layer: "linear" }, outputs: 0 },
    { head: { reads: ["cls", "distillation"], norm_first: false, layer: null } },
  ];
  for (const header of headers) {
    for (let step = 0; step < 10; step++) {
      const view = viewOf(step, {}, header);
      check(formulaOf(view), symbolsOf(view), `step ${step} of ${JSON.stringify(header)}`);
    }
  }
});

Deno.test("so do those of each formula of a convolution", () => {
  for (const kind of ["window", "kernel", "products", "sum", "norm", "residual", "relu", "head"]) {
    for (const [stride, pre] of [[1, false], [2, false], [1, true]]) {
      const view = { kind, one: { stride, size: 3 }, block: { header: { pre } } };
      check(convFormula(view), convSymbols(view), `${kind}, stride ${stride}`);
    }
  }
});
