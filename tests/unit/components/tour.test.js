// The browser remembers where the tour was left.

import assert from "node:assert/strict";
import { nextStop } from "../../../dashboard/components/tour/memory.js";

Deno.test("a new visitor begins at the first stop", () => {
  assert.equal(nextStop(null, 10), 1);
});

Deno.test("the tour continues at the stop that was shown last", () => {
  assert.equal(nextStop("4", 10), 4);
  assert.equal(nextStop("10", 10), 10);
});

Deno.test("a tour that was finished or skipped is not offered again", () => {
  assert.equal(nextStop("done", 10), null);
});

Deno.test("stops that do not exist lead to the first one", () => {
  for (const stored of ["11", "0", "-1", "2.5", "1e1", "", "four"]) assert.equal(nextStop(stored, 10), 1);
});
