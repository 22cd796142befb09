// A small block of a ViT with made numbers, and the stepper that shows it.

import assert from "node:assert/strict";
import { attentionRow, gelu } from "../../../dashboard/components/block/data.js";
import { sumOf } from "../../../dashboard/components/block/terms.js";
import { WeightRows } from "../../../dashboard/components/block/weights.js";
import { softmax } from "../../../dashboard/components/shared/vectors.js";

export const near = (a, b, error = 1e-6) => assert.ok(Math.abs(a - b) < error, `${a} is not ${b}`);

/**
 * Return a block of 5 tokens (CLS and 2 x 2 patches), 4 channels, 2 heads of 2, 6 units and 3 classes.
 * @returns {any}
 */
export function small(changes = {}) {
  const header = {
    tokens: 5,
    dim: 4,
    heads: 2,
    hidden: 6,
    outputs: 3,
    first: 1,
    prefix: ["cls"],
    weights: "made",
    listed: [0, 1, 2],
    features: 4,
    head: { reads: ["cls"], norm_first: false, layer: null },
    activation: "gelu",
    scaled: false,
    biases: { qkv: true, block: true },
    rotary: null,
    side: 2,
    layer: 1,
    layers: 3,
    norm: "pre",
    eps: [0, 0, 0],
    only: null,
    size: 4,
    units: [],
    searched: 0,
    truth: 1,
    classes: ["cat", "dog", "ship"],
    ...changes,
  };
  const count = (n, value) => Float32Array.from({ length: n }, (_, i) => value(i));
  const stream = () => count(20, (i) => Math.sin(i));
  const names = ["input", "attentionInput", "q", "k", "v", "projected", "sum1", "middle", "mlpInput", "mlp"];
  const arrays = Object.fromEntries([...names, "sum2", "output", "joined"].map((name) => [name, stream()]));
  return {
    header,
    rows: 5,
    size: 2,
    ...arrays,
    hidden: count(30, (i) => Math.cos(i)),
    active: count(30, (i) => gelu(Math.cos(i))),
    headNorms: count(10, (i) => i),
    tokenNorms: count(25, (i) => i % 5 + 1), // 15 for each query
    received: Float32Array.of(1, 1, 1, 1, 1, 0.25, 0.5, 1, 3, 0.25),
    writes: count(6, () => 1),
    ...Object.fromEntries(["scale1", "scale2", "scale3"].map((name) => [name, count(4, () => 2)])),
    ...Object.fromEntries(["offset1", "offset2", "offset3"].map((name) => [name, count(4, () => 0.5)])),
    classWeights: count(12, (i) => i),
    classBias: count(3, () => 0.25),
    pooled: count(4, (i) => i),
    normalized: count(4, (i) => i),
    features: count(4, (i) => i),
    logits: Float32Array.of(1, 3, 2),
    probabilities: softmax([1, 3, 2], 1),
  };
}

export const wave = (i) => Math.fround(Math.sin(1.7 * i));

// The layers of the small block: how many rows they have, and how many inputs.
const LAYERS = { qkv: [12, 4], out: [4, 4], widen: [6, 4], narrow: [4, 6], features: [4, 4] };

// Return rows for all layers: row r of a layer has weights wave(10 r + i), offset 0.25 and scale 1 or 0.5.
export function rowsOfSmall({ header }, layers = Object.keys(LAYERS)) {
  const rows = new WeightRows();
  for (const layer of layers) {
    const [count, inputs] = LAYERS[layer], floats = [];
    const scale = header.scaled && ["out", "narrow"].includes(layer) ? 0.5 : 1;
    const offset = (layer === "qkv" ? header.biases.qkv : header.biases.block) ? 0.25 : 0;
    for (let r = 0; r < count; r++) {
      for (let i = 0; i < inputs; i++) floats.push(wave(10 * r + i));
      floats.push(offset, scale);
    }
    const sentWeights = [[layer, 0, count, inputs + 2]];
    rows.add({ weights: header.weights, sentWeights }, Float32Array.from(floats));
  }
  return rows;
}

export function viewOf(step, changes = {}, header = {}) {
  const block = small(header), query = 2, head = 1;
  const attention = attentionRow(block, query, head);
  const sizes = { w: 1000, h: 400, heights: { active: 6 }, wholes: new Set(["k", "v"]) };
  const pointed = { panel: null, pointedJ: null, key: 3, j: 1, klass: 1, token: query };
  const view = {
    block,
    step,
    query,
    summed: null,
    weightRows: rowsOfSmall(block),
    head,
    temperature: 1,
    attentionTemperature: 1,
    attention,
    ...sizes,
    ...pointed,
    ...changes,
  };
  return { ...view, sum: sumOf(view) };
}
