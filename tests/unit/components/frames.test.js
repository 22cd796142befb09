// The maps of a token, compared with explicit sums over nested arrays.

import assert from "node:assert/strict";
import { frameCache, Maps, rolloutMap } from "../../../dashboard/components/explorer/frames.js";

const random = (() => {
  let seed = 1;
  return () => (seed = (seed * 16807) % 2147483647) / 2147483647;
})();

function frameOf({ layers, heads, tokens, first, only = null }) {
  const header = { layers, heads, tokens, first, only };
  const weights = Float32Array.from(
    { length: layers * heads * (only === null ? tokens : 2) * tokens },
    random,
  );
  const rollout = Float32Array.from({ length: only === null ? tokens ** 2 : 0 }, random);
  return { header, weights, rollout };
}

const mean = (values) => values.reduce((a, b) => a + b, 0) / values.length;
const range = (n) => Array.from({ length: n }, (_, i) => i);

// Return the rows or columns of all attention matrices with their means, [layers + 1][heads + 1][T].
function plainMaps({ header: { layers, heads, tokens, only }, weights }, token, direction) {
  const weight = (l, h, from, to) => {
    if (only === null) return weights[((l * heads + h) * tokens + from) * tokens + to];
    const [line, index] = direction === "queries" ? [0, to] : [1, from];
    return weights[((l * heads + h) * 2 + line) * tokens + index];
  };
  const weightOf = (l, h, t) => (direction === "queries" ? weight(l, h, token, t) : weight(l, h, t, token));
  const indices = (i, count) => (i === count ? range(count) : [i]);
  return range(layers + 1).map((l) =>
    range(heads + 1).map((h) =>
      range(tokens).map((t) =>
        mean(indices(l, layers).flatMap((i) => indices(h, heads).map((j) => weightOf(i, j, t))))
      )
    )
  );
}

function assertClose(actual, expected) {
  assert.equal(actual.length, expected.length);
  actual.forEach((v, i) => assert.ok(Math.abs(v - expected[i]) < 1e-5, `${i}: ${v}, not ${expected[i]}`));
}

const SHAPES = {
  "with CLS": { layers: 3, heads: 4, tokens: 10, first: 1 },
  "with CLS and two registers": { layers: 2, heads: 2, tokens: 12, first: 3 },
  "without CLS": { layers: 2, heads: 1, tokens: 9, first: 0 },
  "of a single token": { layers: 2, heads: 3, tokens: 10, first: 1, only: 4 },
};

for (const [name, shape] of Object.entries(SHAPES)) {
  for (const direction of ["queries", "keys"]) {
    Deno.test(`maps ${name} are rows or columns of the weights, and their means: ${direction}`, () => {
      const frame = frameOf(shape), maps = new Maps(shape), token = shape.only ?? 3;
      maps.read(frame, 0, direction); // leaves values in the buffers, which the next call must replace
      maps.read(frame, token, direction);
      const plain = plainMaps(frame, token, direction);
      plain.forEach((row, l) =>
        row.forEach((values, h) => {
          assertClose([...maps.map(l, h)], values.slice(shape.first));
          assertClose(maps.massesOf(l, h), values.slice(0, shape.first));
        })
      );
    });
  }
}

Deno.test("A minus B is the difference of every map and of the masses before the patches", () => {
  const shape = SHAPES["with CLS and two registers"], frame = frameOf(shape);
  const [a, b, difference] = range(3).map(() => new Maps(shape));
  a.read(frame, 2, "queries");
  b.read(frame, 7, "queries");
  difference.minus(a, b);
  assertClose([...difference.values], [...a.values].map((v, i) => v - b.values[i]));
  assert.equal(difference.masses.length, 3 * 9);
  assertClose([...difference.masses], [...a.masses].map((v, i) => v - b.masses[i]));
});

Deno.test("the color scale ends at the largest absolute value of all maps, of a layer or of a map", () => {
  const shape = { layers: 1, heads: 2, tokens: 3, first: 0 }, maps = new Maps(shape);
  maps.values.set([1, -5, 2, 3, 0, 1, 0, 0, 0, /* means over layers: */ 1, 1, 1, 2, 2, 2, 0.5, 0, 0]);
  const zero = Math.fround(1e-9); // instead of 0, which cannot be a divisor
  assert.deepEqual([...maps.maxima("map")], [5, 3, zero, 1, 2, 0.5]);
  assert.deepEqual([...maps.maxima("layer")], [5, 5, 5, 2, 2, 2]);
  assert.deepEqual([...maps.maxima("shared")], [5, 5, 5, 5, 5, 5]);
});

Deno.test("the rollout of a token is its row without CLS", () => {
  const frame = frameOf(SHAPES["with CLS"]);
  assert.deepEqual([...rolloutMap(frame, 4)], [...frame.rollout].slice(4 * 10 + 1, 5 * 10));
});

Deno.test("the cache drops the least recently used frames first and keeps a large newest one", () => {
  const frame = (bytes) => ({ weights: new Float32Array(bytes / 4), rollout: new Float32Array(0) });
  const frames = frameCache(1000);
  frames.put("a", frame(400));
  frames.put("b", frame(400));
  frames.get("a"); // now b is the least recently used one
  frames.put("c", frame(400));
  assert.deepEqual(["a", "b", "c"].map((key) => Boolean(frames.get(key))), [true, false, true]);
  frames.put("large", frame(4000));
  assert.deepEqual(["a", "c", "large"].map((key) => Boolean(frames.get(key))), [false, false, true]);
});
