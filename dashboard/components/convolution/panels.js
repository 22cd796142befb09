// The panels of each step of a convolution, and where they are. Nothing here draws.
//
// A step is a row of columns { sign, panel }. A panel is a `map` of one channel, a `sheet` of the maps of all
// channels, `tiles` (k x k numbers for each input channel), a `grid` of k x k written numbers, `rows` of
// sums, `bars` or a `list`.
// Maps and grids are square. `wide` is the share of the width of the others.

import { classPanel } from "../inside/classes.js";
import { isStacked, isTight, roomsOf, SIGN, SMALLEST, TITLE } from "../inside/layout.js";
import { formatted } from "../shared/numbers.js";
import { isBefore } from "./data.js";
import { capital, inputName } from "./words.js";

const BETWEEN = 40; // pixels between columns
const ROW = 32, TALL_ROW = 72, NARROW_ROW = 300, SMALL_TILE = 24; // pixels of a row of sums
const NARROW_FLEX = 150; // pixels of the height that is shared by wide panels in narrow drawings

const mapOf = (id, maps, channel, side, title, more = {}) => (
  { kind: "map", id, maps, channel, side, title, square: true, ...more }
);

// A map of the chosen output channel.
const made = (view, id, maps, title, more = {}) =>
  mapOf(id, maps, view.channel, view.one.side, title, { channels: view.one.outputs, ...more });

const grid = (id, values, title, short, limit) => (
  { kind: "grid", id, values, title, short, limit, square: true }
);

const sheet = (id, maps, channels, side, more = {}) => (
  { kind: "sheet", id, maps, channels, side, wide: 1, title: `all ${channels} channels`, ...more }
);

const PANELS = {
  window: (view) => {
    const { one, block, index, i, at } = view,
      first = readsImage(view),
      name = capital(inputName(block, index, i));
    return [
      {
        panel: mapOf("reads", one.reads, i, one.inputSide, name, {
          channels: one.inputs,
          window: true,
          border: one.padding,
          input: true,
        }),
      },
      {
        panel: tiles(
          view,
          "windows",
          at.values,
          first ? "the window in red, green and blue" : "the window in each channel",
          first ? "red, green, blue" : "each channel",
          one.reads,
        ),
      },
    ];
  },
  kernel: (view) => {
    const { one, at, channel } = view, first = readsImage(view);
    return [
      {
        panel: tiles(
          view,
          "kernel",
          at.kernel,
          `kernel of channel ${channel + 1}${first ? ": red, green, blue" : ""}`,
          `kernel ${channel + 1}`,
          one.weight,
        ),
      },
      {
        sign: "\u2192",
        panel: made(view, "output", one.output, `output, channel ${channel + 1}`, {
          short: `output ${channel + 1}`,
        }),
      },
      { panel: sheet("outputs", one.output, one.outputs, one.side) },
    ];
  },
  products: (view) => {
    const { at, i, block, index, one: { area } } = view;
    const name = inputName(block, index, i), sum = `sum ${formatted(at.sums[i])}`;
    const part = (values) => values.subarray(i * area, (i + 1) * area);
    return [
      { panel: grid("grid values", part(at.values), `window, ${name}`, name, "reads") },
      { sign: "\u00d7", panel: grid("grid kernel", part(at.kernel), "kernel", "kernel", "weights") },
      {
        sign: "=",
        panel: grid("grid products", part(at.products), `products, ${sum}`, sum, "products"),
      },
    ];
  },
  sum: (view) => {
    const { one, at, channel } = view;
    const title = one.inputs > 3 ? "sums by input channel, largest first" : "sums by input channel";
    return [
      { panel: { kind: "rows", id: "rows", wide: isTight(view) ? 2.4 : 1.5, title, short: "sums" } },
      {
        sign: "=",
        panel: made(view, "output", one.output, `channel ${channel + 1}: ${formatted(at.total)}`, {
          short: `sum ${formatted(at.total)}`,
        }),
      },
    ];
  },
  norm: (view) => beforeAfter(view, "normalized"),
  relu: (view) => beforeAfter(view, "after ReLU"),
  residual: (view) => {
    const { block } = view, more = { like: block.sum };
    return [
      { panel: made(view, "branch", block.branch, "convolutions", more) },
      {
        sign: "+",
        panel: made(
          view,
          "shortcut",
          block.shortcut,
          block.header.projected ? "shortcut" : "input of the block",
          more,
        ),
      },
      { sign: "=", panel: made(view, "sum", block.sum, "sum", more) },
    ];
  },
  head: (view) => {
    const { block, channel, one } = view;
    return [
      { panel: made(view, "last", block.output, `output, channel ${channel + 1}`, { whole: true }) },
      {
        sign: "\u2192",
        panel: {
          kind: "bars",
          id: "pooled",
          values: block.pooled,
          wide: 0.9,
          title: `means of ${one.outputs} channels`,
        },
      },
      {
        sign: "\u2192",
        panel: { ...classPanel(block), wide: isTight(view) ? 2.6 : 1.5 },
      },
    ];
  },
};

const readsImage = ({ block, index }) => block.header.block === 0 && index === 0;

function tiles(view, id, values, title, short, like) {
  return { kind: "tiles", id, values, count: view.one.inputs, like, wide: 1, title, short };
}

// Two maps of the shown channel.
function beforeAfter(view, title) {
  const { block, kind, one, shownChannel, sources } = view, before = isBefore(block, kind);
  const side = before ? one.inputSide : one.side, channels = before ? one.inputs : one.outputs;
  const like = kind === "relu" ? sources[0] : null;
  const scaled = sources.map((maps) => ({ channels, input: before, like: like ?? maps }));
  const titles = [`before, channel ${shownChannel + 1}`, title];
  const pair = ["before", "after"].map((id, n) => ({
    sign: n ? "\u2192" : "",
    panel: mapOf(id, sources[n], shownChannel, side, titles[n], scaled[n]),
  }));
  return [...pair, { panel: sheet("all", sources[1], channels, side, scaled[1]) }];
}

/**
 * Return the place of the image, and all panels of a step with their boxes.
 * @param {any} view with the size w x h of the drawing in pixels
 * @returns {{ image: { x: number, y: number, size: number }, panels: any[], signs: any[] }}
 */
export function placePanels(view) {
  const { w, h } = view, columns = PANELS[view.kind](view), rooms = roomsOf(view);
  if (isStacked(view)) return placeNarrow(view, columns);
  const image = { x: 0, y: TITLE, size: Math.max(SMALLEST, Math.min(h - TITLE, rooms.image)) };
  const left = image.size + 40, high = h - TITLE, signs = [], panels = [];
  const gaps = columns.slice(1).reduce((sum, one) => sum + (one.sign ? rooms.sign : BETWEEN), 0);
  const squares = columns.filter(({ panel }) => panel.square).length;
  const shares = columns.reduce((sum, { panel }) => sum + (panel.square ? 1 : panel.wide), 0);
  const side = Math.min(high, (w - left - gaps) / shares);
  const unit = (w - left - gaps - squares * side) / Math.max(shares - squares, 1e-9);
  let x = left;
  columns.forEach(({ panel, sign }, n) => {
    if (n) x += sign ? rooms.sign : BETWEEN;
    const wide = panel.square ? side : panel.wide * unit;
    if (n && sign) signs.push({ text: sign, x: x - rooms.sign / 2, y: TITLE + Math.min(side, high) / 2 });
    panels.push({ ...panel, box: { x, y: TITLE, w: wide, h: panel.square ? side : high } });
    x += wide;
  });
  return { image, panels, signs };
}

function placeNarrow({ w, h }, columns) {
  const image = { x: 0, y: TITLE, size: Math.min(150, 0.45 * w) }, panels = [], signs = [];
  const side = Math.min((w - SIGN) / 2, 190), squares = columns.filter(({ panel }) => panel.square);
  const others = columns.length - squares.length, lines = Math.ceil(squares.length / 2);
  const rest = h - image.size - 2 * TITLE - lines * (side + TITLE + 12) - others * (TITLE + 12);
  const high = Math.max(NARROW_FLEX, rest / Math.max(1, others));
  let y = image.size + TITLE + 14, x = 0;
  for (const { panel, sign } of columns) {
    if (!panel.square) {
      if (x) [x, y] = [0, y + TITLE + side + 12];
      panels.push({ ...panel, box: { x: 0, y: y + TITLE, w, h: high } });
      y += TITLE + high + 12;
      continue;
    }
    if (x + side > w) [x, y] = [0, y + TITLE + side + 12];
    if (sign && x) signs.push({ text: sign, x: x - SIGN / 2, y: y + TITLE + side / 2 });
    panels.push({ ...panel, box: { x, y: y + TITLE, w: side, h: side } });
    x += side + SIGN;
  }
  return { image, panels, signs };
}

/**
 * Return how many columns of square cells fit best into a box, and the pitch of the cells.
 * @param {{ w: number, h: number }} box
 */
export function cellsIn({ w, h }, count) {
  let best = { columns: 1, pitch: 0 };
  for (let columns = 1; columns <= count; columns++) {
    const pitch = Math.min(w / columns, h / Math.ceil(count / columns));
    if (pitch > best.pitch) best = { columns, pitch };
  }
  return { ...best, gap: Math.min(8, 0.14 * best.pitch) };
}

/**
 * Return the input channels of the rows of sums, the largest first, of which `height` pixels have room.
 * @param {{ order: number[] }} view
 */
export function rowsIn({ order }, height) {
  const most = Math.max(2, Math.floor(height / ROW));
  return order.length <= most ? order : order.slice(0, most - 1);
}

/**
 * Return the height of a row of sums: few rows are taller.
 * @param {{ order: number[] }} view
 */
export const rowHeight = ({ order }, height) => Math.max(ROW, Math.min(TALL_ROW, height / order.length));

/**
 * Return the places of the parts of a row of sums, from its left end: the widths `label` and `size` of the
 * label and of both tiles, the places `window`, `sign` and `kernel`, and the space `bar` to `end` of the bar.
 * A row without space for the bar has only the number, at its right end.
 * @param {number} width
 * @param {number} height of the row
 * @param {number} inputs channels
 */
export function partsOfRow(width, height, inputs) {
  const narrow = width < NARROW_ROW, short = narrow && inputs > 3; // then only the number of a channel
  const label = inputs > 3 ? (short ? 30 : 96) : narrow ? 44 : 52;
  const sign = narrow ? 16 : 22, gap = narrow ? 6 : 20, number = narrow ? 48 : 62;
  const free = width - label - sign - gap - number, bars = narrow ? 24 : 60; // pixels, at least
  const room = (free - bars) / 2 < SMALL_TILE ? free : free - bars; // small tiles have no bar next to them
  const size = Math.max(8, Math.min(height - 8, room / 2));
  const kernel = label + size + sign, bar = kernel + size + gap, end = width - number;
  return { short, label, size, window: label, sign: label + size + sign / 2, kernel, bar, end };
}

/**
 * Return the place of a map in its panel and the size of its cells. With a window, it has a border of zeros.
 * @param {any} panel
 */
export function mapIn({ box, side, border = 0 }) {
  const unit = box.w / (side + 2 * border);
  return { x: box.x + border * unit, y: box.y + border * unit, unit };
}

// Return the position of the output that belongs to a fraction of a map, or of the input if `input`.
function positionAt({ one }, across, down, side, input) {
  const [row, column] = [down, across].map((v) => Math.max(0, Math.min(side - 1, Math.floor(v * side))));
  if (!input) return { row, column };
  const back = (v) => Math.min(one.side - 1, Math.floor(v / one.stride));
  return { row: back(row), column: back(column) };
}

/**
 * Return what is at a point, or null: { panel, place, i, t, channel, klass, pooled }, as far as they apply.
 * @param {any} view
 * @param {{ image: any, panels: any[] }} layout
 */
export function whatIsAt(view, { image, panels }, x, y) {
  const inBox = (box) => x >= box.x && x < box.x + box.w && y >= box.y && y < box.y + box.h;
  const share = (box) => [(x - box.x) / box.w, (y - box.y) / box.h];
  const framed = { ...image, w: image.size, h: image.size };
  if (inBox(framed)) {
    return { panel: "image", place: positionAt(view, ...share(framed), view.one.side, false) };
  }
  const panel = panels.find(({ box }) => inBox(box));
  if (!panel) return null;
  const { id, box } = panel, [across, down] = share(box), { size } = view.one;
  if (panel.kind === "map") {
    if (panel.whole) return { panel: id };
    const map = mapIn(panel), inside = (v) => v / (map.unit * panel.side);
    return {
      panel: id,
      place: positionAt(view, inside(x - map.x), inside(y - map.y), panel.side, panel.input),
    };
  }
  if (panel.kind === "grid") {
    return { panel: id, t: size * Math.floor(size * down) + Math.floor(size * across) };
  }
  if (panel.kind === "tiles" || panel.kind === "sheet") {
    const count = panel.count ?? panel.channels, { columns, pitch, gap } = cellsIn(box, count);
    const column = Math.floor((x - box.x) / pitch), row = Math.floor((y - box.y) / pitch);
    const item = row * columns + column;
    if (column >= columns || item >= count) return null;
    if (panel.kind === "sheet") return panel.input ? { panel: id, i: item } : { panel: id, channel: item };
    const inside = (v) => Math.max(0, Math.min(size - 1, Math.floor((size * v) / (pitch - gap))));
    return {
      panel: id,
      i: item,
      t: size * inside(y - box.y - row * pitch) + inside(x - box.x - column * pitch),
    };
  }
  if (panel.kind === "rows") {
    const i = rowsIn(view, box.h)[Math.floor((y - box.y) / rowHeight(view, box.h))];
    return i === undefined ? null : { panel: id, i };
  }
  if (panel.kind === "bars") return { panel: id, pooled: Math.floor(across * panel.values.length) };
  return { panel: id, klass: panel.items[Math.floor(down * panel.items.length)].item };
}
