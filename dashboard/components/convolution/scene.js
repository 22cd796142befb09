// The drawing of a step of a convolution, with a painter for canvas or SVG: the image, and the panels next to
// it.

import { drawItems } from "../inside/items.js";
import { barColor, channelsOf, cssOf, INNER, OUTER, paintPanels, ringAround } from "../inside/paint.js";
import { colorIndex } from "../shared/colors.js";
import { formatted } from "../shared/numbers.js";
import { createCanvas } from "../shared/paint.js";
import { limitOf } from "../shared/vectors.js";
import { cellsIn, mapIn, partsOfRow, rowHeight, rowsIn } from "./panels.js";
import { fieldOf, inputName } from "./words.js";

// Return black or white, whichever is readable on a color.
function inkOn(color) {
  const [r, g, b] = channelsOf(color);
  return 0.299 * r + 0.587 * g + 0.114 * b > 140 ? "#000" : "#fff";
}

const limits = new WeakMap(); // of arrays

/**
 * Return the value at the end of the color scale of an array.
 * @param {Float32Array} values
 */
export function scaleOf(values) {
  if (!limits.has(values)) limits.set(values, limitOf(values));
  return limits.get(values);
}

const sheets = new WeakMap(); // of arrays: a canvas with all channels

// Return all channels of an array as one canvas: a grid with `columns` columns, a pixel per number.
function sheetOf(view, { maps, channels, side, like = maps }) {
  const known = sheets.get(maps), limit = scaleOf(like);
  if (known?.limit === limit) return known;
  const columns = Math.ceil(Math.sqrt(channels)), rows = Math.ceil(channels / columns);
  const canvas = createCanvas(columns * side, rows * side), ctx = canvas.getContext("2d");
  const picture = ctx.createImageData(canvas.width, canvas.height);
  const pixels = new Uint32Array(picture.data.buffer);
  for (let c = 0; c < channels; c++) {
    const start = Math.floor(c / columns) * side * canvas.width + (c % columns) * side;
    for (let i = 0; i < side * side; i++) {
      pixels[start + Math.floor(i / side) * canvas.width + i % side] =
        view.diverging[colorIndex(maps[c * side * side + i], limit, true)];
    }
  }
  ctx.putImageData(picture, 0, 0);
  sheets.set(maps, { canvas, columns, limit });
  return sheets.get(maps);
}

// Draw one channel of an array into a box.
function drawChannel(view, p, panel, channel, x, y, size) {
  const { canvas, columns } = sheetOf(view, panel), { side } = panel;
  p.pixels(
    canvas,
    (channel % columns) * side,
    Math.floor(channel / columns) * side,
    side,
    side,
    x,
    y,
    size,
    size,
  );
}

const KINDS = {
  map: drawMap,
  sheet: drawSheet,
  tiles: drawTiles,
  grid: drawGrid,
  rows: drawRows,
  bars: drawPooled,
  list: drawClasses,
};

/**
 * Paint the current step.
 * @param {any} view
 * @param {any} p painter
 * @param {any} theme
 */
export function paintConvolution(view, p, theme) {
  const { layout } = view, type = { font: theme.font, size: 13, color: theme.text };
  drawPicture(view, p, layout.image, type);
  paintPanels(view, p, theme, type, KINDS);
}

function drawPicture(view, p, { x, y, size }, type) {
  const { size: pixels } = view.block.header, unit = size / pixels;
  p.text("the image", x, y - 11, { ...type, weight: 500 });
  p.pixels(view.picture, 0, 0, pixels, pixels, x, y, size, size);
  if (view.kind === "head") return ringAround(p, x, y, size, size);
  const [top, left, bottom, right] = fieldOf(view, view.place);
  ringAround(p, x + left * unit, y + top * unit, (right - left + 1) * unit, (bottom - top + 1) * unit);
  const center = (v) => (v + 0.5) / view.one.side * size;
  if (right - left < 5) return;
  p.dot(x + center(view.place.column), y + center(view.place.row), 4, {
    fill: OUTER,
    stroke: INNER,
    line: 2,
  });
}

function drawMap(view, p, panel, theme) {
  const { box, side, channel } = panel, { one } = view, { x, y, unit } = mapIn(panel);
  drawChannel(view, p, panel, channel, x, y, unit * side);
  if (panel.whole) return ringAround(p, box.x, box.y, box.w, box.h);
  if (!panel.window) {
    const at = panel.input ? view.shownPlace : view.place;
    return ringAround(p, x + at.column * unit, y + at.row * unit, unit, unit);
  }
  const padding = { stroke: theme.faint, dash: [3, 3] };
  p.rect(box.x + 0.5, box.y + 0.5, box.w - 1, box.h - 1, padding);
  const left = x + (one.stride * view.place.column - one.padding) * unit;
  const top = y + (one.stride * view.place.row - one.padding) * unit;
  const { size } = one;
  for (let n = 1; n < size && unit > 5; n++) {
    const line = { stroke: "rgb(127 127 127 / 0.7)", line: 1 };
    p.segment(left + n * unit, top, left + n * unit, top + size * unit, line);
    p.segment(left, top + n * unit, left + size * unit, top + n * unit, line);
  }
  ringAround(p, left, top, size * unit, size * unit);
}

function drawSheet(view, p, panel) {
  const { box, channels } = panel, { columns, pitch, gap } = cellsIn(box, channels);
  for (let c = 0; c < channels; c++) {
    const x = box.x + (c % columns) * pitch, y = box.y + Math.floor(c / columns) * pitch;
    drawChannel(view, p, panel, c, x, y, pitch - gap);
  }
  const at = (c) => [box.x + (c % columns) * pitch, box.y + Math.floor(c / columns) * pitch];
  ringAround(p, ...at(panel.input ? view.i : view.channel), pitch - gap, pitch - gap);
}

// Return k x k numbers per channel as a canvas, one tile below the other.
function tileCanvas(view, values, limit) {
  const { size } = view.one, high = values.length / size;
  const canvas = createCanvas(size, high), ctx = canvas.getContext("2d");
  const picture = ctx.createImageData(size, high), pixels = new Uint32Array(picture.data.buffer);
  for (let n = 0; n < values.length; n++) pixels[n] = view.diverging[colorIndex(values[n], limit, true)];
  ctx.putImageData(picture, 0, 0);
  return canvas;
}

function drawTiles(view, p, panel) {
  const { box, values, count, like } = panel, { columns, pitch, gap } = cellsIn(box, count);
  const canvas = tileCanvas(view, values, scaleOf(like)), size = pitch - gap, k = view.one.size;
  const at = (i) => [box.x + (i % columns) * pitch, box.y + Math.floor(i / columns) * pitch];
  for (let i = 0; i < count; i++) p.pixels(canvas, 0, k * i, k, k, ...at(i), size, size);
  const [x, y] = at(view.i), cell = size / k;
  ringAround(p, x, y, size, size);
  if (cell > 14 && k > 1) {
    const [left, top] = [x + (view.t % k) * cell, y + Math.floor(view.t / k) * cell];
    ringAround(p, left + 3, top + 3, cell - 6, cell - 6);
  }
}

const DIGIT = 0.6; // width of a digit, as a share of its size
const SMALLEST_DIGITS = 7; // pixels; those of a 7 x 7 kernel in a narrow window are smaller, and left out

function drawGrid(view, p, { box, values, limit }, _theme, type) {
  const { one, at } = view, k = one.size, cell = box.w / k, size = Math.min(17, 0.24 * cell);
  const most = {
    reads: () => scaleOf(one.reads),
    weights: () => scaleOf(one.weight),
    products: () => scaleOf(at.products),
  };
  const end = most[limit]();
  for (let t = 0; t < one.area; t++) {
    const x = box.x + (t % k) * cell, y = box.y + Math.floor(t / k) * cell;
    const color = view.diverging[colorIndex(values[t], end, true)];
    p.rect(x, y, cell - 2, cell - 2, { fill: cssOf(color) });
    if (size < SMALLEST_DIGITS) continue;
    const text = formatted(values[t]);
    p.text(text, x + cell / 2 - 1, y + cell / 2, {
      ...type,
      size: Math.min(size, (cell - 6) / (DIGIT * text.length)),
      align: "center",
      color: inkOn(color),
    });
  }
  const x = box.x + (view.t % k) * cell, y = box.y + Math.floor(view.t / k) * cell;
  ringAround(p, x + 1, y + 1, cell - 4, cell - 4);
}

const LEAST_ROW_BAR = 12; // pixels

// Draw a row for each input channel: its window, its kernel and the sum of their products as a bar.
function drawRows(view, p, { box }, theme, type) {
  const { at, one, order, block, index } = view, shown = rowsIn(view, box.h), k = one.size;
  const row = rowHeight(view, box.h), parts = partsOfRow(box.w, row, one.inputs), { size } = parts;
  const windows = tileCanvas(view, at.values, scaleOf(one.reads));
  const kernels = tileCanvas(view, at.kernel, scaleOf(one.weight));
  const rest = order.slice(shown.length), others = rest.reduce((sum, i) => sum + at.sums[i], 0);
  const most = Math.max(1e-9, Math.abs(others), ...shown.map((i) => Math.abs(at.sums[i])));
  const room = parts.end - parts.bar,
    half = room < LEAST_ROW_BAR ? 0 : room / 2,
    zero = box.x + parts.bar + half;
  const bar = (value, y) => {
    const length = (value / most) * half;
    if (half) {
      p.rect(zero + Math.min(0, length), y - 7, Math.max(1, Math.abs(length)), 14, {
        fill: barColor(view, value),
      });
    }
    p.text(formatted(value), box.x + box.w, y, { ...type, align: "right" });
  };
  shown.forEach((i, n) => {
    const y = box.y + n * row, middle = y + row / 2, top = middle - size / 2;
    if (i === view.i) p.rect(box.x - 4, y, box.w + 8, row - 1, { fill: theme.track });
    const name = one.inputs > 3 ? `channel ${i + 1}` : inputName(block, index, i);
    p.text(parts.short ? String(i + 1) : name, box.x, middle, type);
    p.pixels(windows, 0, k * i, k, k, box.x + parts.window, top, size, size);
    p.text("\u00d7", box.x + parts.sign, middle, { ...type, align: "center" });
    p.pixels(kernels, 0, k * i, k, k, box.x + parts.kernel, top, size, size);
    bar(at.sums[i], middle);
  });
  if (!rest.length) return;
  const y = box.y + (shown.length + 0.5) * row;
  p.text(`${rest.length} smaller`, box.x, y, { ...type, color: theme.faint });
  bar(others, y);
}

function drawPooled(view, p, { box, values }, theme, type) {
  const most = values.reduce((a, b) => Math.max(a, b), 1e-9),
    least = values.reduce((a, b) => Math.min(a, b), 0);
  const unit = box.h / (most - least), zero = box.y + most * unit, pitch = box.w / values.length;
  p.rect(box.x + view.pooledChannel * pitch, box.y, Math.max(2, pitch), box.h, { fill: theme.track });
  for (let c = 0; c < values.length; c++) {
    const high = values[c] * unit,
      fill = c === view.channel ? theme.mark : barColor(view, values[c]);
    p.rect(
      box.x + c * pitch,
      high > 0 ? zero - high : zero,
      Math.max(0.6, pitch - (pitch > 5 ? 1 : 0)),
      Math.abs(high),
      { fill },
    );
  }
  p.segment(box.x, zero, box.x + box.w, zero, { stroke: theme.faint, line: 1 });
  p.text(formatted(most), box.x - 3, box.y + 5, { ...type, size: 11, color: theme.faint, align: "right" });
}

function drawClasses(view, p, panel, theme, type) {
  drawItems(view, p, panel, theme, type, (item) => item.item === view.klass);
}
