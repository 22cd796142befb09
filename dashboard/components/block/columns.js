// The columns of panels of each step. panels.js explains them, and places them.

import { classPanel } from "../inside/classes.js";
import { isStacked, isTight } from "../inside/layout.js";
import { formatted } from "../shared/numbers.js";
import { headPart, normsInput, normsSum, receivedBy, rowOf } from "./data.js";
import { featurePanel, layerTitle, readText } from "./head.js";
import { topTokens, topUnits, unitsTitle } from "./lists.js";
import { ringKey, ringQuery } from "./marks.js";
import { normalizedName, normOf, normRows, readSymbol } from "./norms.js";
import { isComplete, missingText, productsOf, sumName, termCount, termRows } from "./terms.js";

const ROOMY = 1050; // pixels: in narrower drawings, the list of terms gets a larger share
const SHORT_LETTER = 8; // pixels, of the short name of a token, with the space after it
const SOME = 640; // pixels, from which a step with two other columns has a list too
export const ALL_HEADS = "all heads"; // the panel with what each token adds in all heads
export const CROPS = 4; // of a unit

const matrix = (id, name, title, more = {}) => ({ kind: "matrix", id, name, title, high: 1.2, ...more });
const bars = (id, values, title, more = {}) => (
  { kind: "bars", id, values, title, high: 1, axis: "channel", ...more }
);
const list = (id, items, title, more = {}) => (
  { kind: "list", id, items, title, high: 1, right: 56, ...more }
);

// A list of the tokens with the largest values.
function tokenList(view, id, values, title, more = {}) {
  const items = topTokens(values, view.block.header);
  const left = SHORT_LETTER * Math.max(...items.map(({ label }) => label.length));
  const tallest = isTight(view) ? 24 : 30; // a taller row has a wider patch, and less space for the label
  return list(id, items, title, { ranked: true, thumbs: true, tallest, left, ...more });
}

const largestOf = (values) => Array.from(values).reduce((a, b) => Math.max(a, Math.abs(b)), 1e-9);

// A matrix of the stream with the chosen token's column as bars below it.
function stream(view, name, title, more = {}) {
  const values = rowOf(view.block, name, view.token);
  const { limit = largestOf(values), sign = "", scale = name, marks = false, segments = 1, short } = more;
  return {
    wide: 1,
    sign,
    panels: [
      matrix(name, name, title, { scale, short }),
      bars(`${name} row`, values, "", { limit, scale, marks, segments, funnel: true }),
    ],
  };
}

// The terms of the number that is written out: all products as bars, and the largest ones as a list. In a
// drawing without room for them, the text below it has the largest terms.
function terms(view, wide) {
  const { sum, block: { header } } = view;
  if (!sum || isTight(view) || isStacked(view)) return [];
  const name = sumName(sum, header), { length } = sum.inputs ?? sum.weights ?? [];
  const complete = isComplete(sum);
  const products = complete ? productsOf(sum).products : new Float32Array(length ?? 1);
  const title = complete ? `${name}: ${length} products` : name;
  const head = complete ? "input \u00d7 weight" : missingText(sum, header);
  return [{
    wide: view.w < ROOMY ? 1.25 * wide : wide, // the list has about the same width
    sign: "",
    panels: [
      bars("products of a sum", products, title, { high: 0.5 }),
      list("terms", complete ? termRows(sum, termCount(view)) : [], head, {
        left: 150,
        right: 50,
        signed: true,
      }),
    ],
  }];
}

// The parts of the layer norm that is written out, unless the drawing has no room for them.
function normTerms(view, wide, least) {
  const parts = normOf(view);
  if (!parts || view.w < least || isStacked(view)) return [];
  const title = `channel ${view.j + 1}, normalized`;
  const panel = list("norm terms", normRows(parts, readSymbol(view.step, view.block)), title, {
    left: 92,
    right: 52,
    signed: true,
  });
  return [{ wide, sign: "", panels: [panel] }];
}

const sharesOf = (values) => {
  const total = values.reduce((a, b) => a + b, 0);
  return values.map((v) => v / total);
};

// The shares of what the tokens add to the output of attention, unless the drawing has no room for them.
function allHeads(view) {
  const { block, query, temperature } = view;
  if (isTight(view)) return [];
  const shares = sharesOf(rowOf(block, "tokenNorms", query)),
    own = temperature === 1 ? "" : ", temperature 1";
  const title = `shares, all ${block.header.heads} heads${own}`;
  const panel = tokenList(view, ALL_HEADS, shares, title, { short: "all heads" });
  return [{ wide: 1, sign: "", panels: [panel] }];
}

// The columns of the two residual sums.
function residual(view, [before, part, sum], word) {
  const { block, step } = view;
  const limit = Math.max(...[before, part, sum].map((name) => largestOf(rowOf(block, name, view.token))));
  const columns = [
    stream(view, before, "before", { limit, scale: "stream" }),
    stream(view, part, `output of ${word}`, {
      limit,
      scale: "stream",
      sign: "+",
      short: word.replace("the ", ""),
    }),
    stream(view, sum, normsSum(block, sum) ? "sum" : "after", {
      limit,
      scale: "stream",
      sign: "=",
      marks: normalizedName(step, block) !== null,
    }),
  ];
  const result = normalizedName(step, block);
  if (!result) return columns;
  const scale = normsSum(block, sum) ? "stream" : result;
  return [...columns, stream(view, result, "normalized", { sign: "\u2192", scale })];
}

const STEPS = [
  (view) =>
    normsInput(view.block)
      ? [
        stream(view, "input", "input of the block", { marks: true, scale: "stream" }),
        stream(view, "attentionInput", "normalized", { sign: "\u2192" }),
        ...normTerms(view, 0.8, SOME),
      ]
      : [stream(view, "input", "input of the block", { scale: "stream" })],
  (view) => {
    const { block, query, key, head } = view, { size } = block;
    const parts = ["q", "k", "v"].map((name) => headPart(block, name, name === "q" ? query : key, head));
    const limit = Math.max(...parts.map(largestOf)), words = ["queries", "keys", "values"];
    const vectors = ["q", "k", "v"].map((name, i) => ({
      wide: 1,
      sign: "",
      panels: [
        matrix(name, name, words[i], {
          from: head * size,
          rows: size,
          scale: "heads",
          follows: i > 0,
          ring: i ? ringKey : ringQuery,
        }),
        bars(`${name} row`, parts[i], "", { limit, scale: "heads", funnel: true, follows: i > 0 }),
      ],
    }));
    return [...vectors, ...terms(view, 1.6)];
  },
  (view) => {
    const { block, query, key, head, attention } = view, { size } = block;
    const q = headPart(block, "q", query, head), k = headPart(block, "k", key, head);
    const products = q.map((v, i) => v * k[i]), limit = Math.max(largestOf(q), largestOf(k));
    const total = `sum ${formatted(products.reduce((a, b) => a + b, 0))}`;
    return [
      {
        wide: 2.1,
        sign: "",
        panels: [
          matrix("k", "k", "keys of all tokens", {
            from: head * size,
            rows: size,
            scale: "heads",
            follows: true,
          }),
          bars("scores", attention.scores, "scores: query \u00b7 key / \u221a" + size, {
            axis: "token",
            high: 1.2,
          }),
        ],
      },
      {
        wide: 1,
        sign: "",
        panels: [
          bars("q row", q, "query", { limit, scale: "heads", ring: ringQuery }),
          bars("k row", k, "\u00d7 key", { limit, scale: "heads", ring: ringKey }),
          bars("products", products, `= products, ${total}`, { short: `= ${total}` }),
        ],
      },
    ];
  },
  (view) => {
    const { block, head, attention, temperature } = view;
    const own = temperature === 1 ? "" : ", at temperature 1";
    const divided = attention.scores.map((s) => s / temperature);
    const title = temperature === 1 ? "scores" : `scores / ${formatted(temperature)}`;
    return [
      {
        wide: 2.1,
        sign: "",
        panels: [
          bars("scores", divided, title, { axis: "token", high: 0.8 }),
          bars("weights", attention.weights, "weights of this query (a row), sum 1", {
            axis: "token",
            amount: true,
            high: 1.1,
            short: "weights (a row), sum 1",
          }),
          bars(
            "received",
            receivedBy(block, head),
            `sum over all ${block.header.tokens} queries (a column)${own}`,
            {
              axis: "token",
              amount: true,
              high: 0.6,
              short: "sum over queries (a column)",
            },
          ),
        ],
      },
      {
        wide: isTight(view) ? 1.3 : 1, // its rows are short otherwise
        sign: "",
        panels: [tokenList(view, "weights list", attention.weights, "largest weights")],
      },
    ];
  },
  (view) => {
    const { block, head, attention } = view, { size } = block, { weights, contributions } = attention;
    return [
      {
        wide: 2.1,
        sign: "",
        panels: [
          bars("weights", weights, "weights", { axis: "token", amount: true, high: 0.6 }),
          matrix("v", "v", "\u00d7 values", {
            from: head * size,
            rows: size,
            scale: "heads",
            follows: true,
            high: 1,
          }),
          bars("contributions", contributions, "norm of weight \u00d7 value", {
            axis: "token",
            amount: true,
            high: 0.6,
          }),
        ],
      },
      {
        wide: isTight(view) ? 1.3 : 1,
        sign: "",
        panels: [
          tokenList(
            view,
            "contributions list",
            sharesOf(contributions),
            `shares of the norms, head ${head + 1}`,
            { high: 1.6, short: `shares, head ${head + 1}` },
          ),
          bars("z", attention.mixed, `output of head ${head + 1}`, {
            scale: "heads",
            short: `head ${head + 1}`,
          }),
        ],
      },
      ...allHeads(view),
    ];
  },
  (view) => {
    const { block, token } = view, norms = rowOf(block, "headNorms", token);
    const items = Array.from(
      norms,
      (value, i) => ({
        label: `head ${i + 1}`,
        value,
        item: i,
        text: formatted(value),
        bold: i === view.head,
      }),
    );
    const segments = block.header.heads, wide = isTight(view) ? 1 : 1.2;
    const made = { sign: "\u2192", scale: "stream", short: "attention" };
    return [
      { ...stream(view, "joined", "heads joined", { segments }), wide },
      { ...stream(view, "projected", "output of attention", made), wide },
      ...(view.w < ROOMY ? [] : terms(view, 1.6)), // the norms need their width
      {
        wide: isTight(view) ? 1.15 : 0.95,
        sign: "",
        panels: [
          list("parts", items, "norm of what each head adds", { left: 62, short: "norm by head" }),
        ],
      },
    ];
  },
  (view) => [
    ...residual(view, ["input", "projected", "sum1"], "attention"),
    ...normTerms(view, 1.3, ROOMY),
  ],
  (view) => {
    const active = rowOf(view.block, "active", view.token);
    return [
      { ...stream(view, "active", "activations of all tokens", { short: "activations" }), wide: 1 },
      ...terms(view, 1.3),
      {
        wide: isTight(view) ? 2 : 1.35,
        sign: "",
        panels: [list("units", topUnits(view, active), unitsTitle(view), {
          left: 68,
          tallest: 86,
          ranked: true,
          short: "most active units",
          pictures: view.block.header.crop ? CROPS : 0,
        })],
      },
    ];
  },
  (view) => [...residual(view, ["middle", "mlp", "sum2"], "the MLP"), ...terms(view, 1.6)],
  (view) => {
    const { pooled, normalized, features, header: h } = view.block, segments = h.head.reads.length;
    const panels = [
      matrix("output", "output", "output of the last block", {
        short: "last output",
        scale: "stream",
        high: 1,
        pools: true,
      }),
      bars("pooled", pooled, readText(h), { funnel: true, segments }),
      bars("normalized", normalized, "normalized", { segments }),
    ];
    if (h.head.layer) panels.push(bars("features", features, layerTitle(h), {}));
    const listed = h.outputs ? classPanel(view.block) : featurePanel(view.block);
    return [
      { wide: isTight(view) ? 0.8 : 1.5, sign: "", panels },
      { wide: 1, sign: "\u2192", panels: [{ ...listed, high: 1 }] },
      ...terms(view, 1.1),
    ];
  },
];

/**
 * Return the columns of a step.
 * @param {any} view
 */
export const columnsOf = (view) => STEPS[view.step](view);
