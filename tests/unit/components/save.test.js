// CSV files and file names.

import assert from "node:assert/strict";
import { csvOf, fileStem } from "../../../dashboard/components/shared/save.js";

// Read CSV character by character.
function readCsv(text) {
  const rows = [[]];
  let field = "", quoted = false;
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (quoted && c === '"' && text[i + 1] === '"') field += text[++i];
    else if (c === '"') quoted = !quoted;
    else if (!quoted && (c === "," || c === "\n")) {
      rows.at(-1).push(field);
      field = "";
      if (c === "\n") rows.push([]);
    } else field += c;
  }
  assert.deepEqual([quoted, field, rows.pop()], [false, "", []]); // the last line is complete
  return rows;
}

Deno.test("commas, quotes and line breaks in a text stay in its field", () => {
  const rows = [["class", "a, b", 'say "cheese"'], ["two\nlines", "", "\u2212 café"]];
  assert.deepEqual(readCsv(csvOf(rows)), rows);
});

Deno.test("numbers are written unchanged, missing values as empty fields", () => {
  assert.equal(csvOf([[0, -1.5, 1e-7, null, undefined, false]]), "0,-1.5,1e-7,,,false\n");
});

Deno.test("names with signs of comparison are kept", () => {
  assert.equal(csvOf([["ViT, 3<n, k>2", "<mask>"]]), '"ViT, 3<n, k>2",<mask>\n');
});

Deno.test("file names have lowercase letters, digits and hyphens only", () => {
  assert.equal(fileStem("attention ViT-Tiny (CIFAR-10)"), "vitlab-attention-vit-tiny-cifar-10-");
  assert.equal(fileStem("../../etc"), "vitlab--etc");
});
