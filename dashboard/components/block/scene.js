// The drawing of a step, with a painter for canvas or SVG: the image on the left, the panels of the step
// next to it.

import { cssOf, drawItems, fitted, fitting, INNER, OUTER, paintPanels, ringAround } from "../inside/paint.js";
import { isStacked } from "../inside/layout.js";
import { colorIndex } from "../shared/colors.js";
import { formatted, inPercent } from "../shared/numbers.js";
import { prefixLabel, prefixOf } from "../shared/tokens.js";
import { isRead, readColumns, readsMean } from "./head.js";
import { ALL_HEADS, CROPS } from "./columns.js";
import { rowOf } from "./data.js";
import { drawAxis, drawLegend, legendParts, signedLegend, tableColors } from "./legend.js";
import { columnAt, panelTop, PREFIX_BOX, prefixPitch } from "./panels.js";
import { DRAWN } from "./matrices.js";
import { CLASSIFIER, isAttention, JOIN, QKV, SCORES, SOFTMAX, VALUES } from "./steps.js";
import { showsTerms } from "./terms.js";

/**
 * Paint the current step.
 * @param {any} view
 * @param {any} p painter
 * @param {any} theme
 */
export function paintBlock(view, p, theme) {
  const { layout } = view, type = { font: theme.font, size: 13, color: theme.text };
  drawFunnels(view, p, layout.panels, theme);
  drawImage(view, p, layout.image, theme, type);
  paintPanels(view, p, theme, type, { matrix: drawMatrix, bars: drawBars, list: drawList });
}

// --- the image ---------------------------------------------------------------------------------

// The values that a step shows over the image, one per token: { values, signed, name }.
export function overlayOf({ step, attention, panel, block, query }) {
  if (panel === ALL_HEADS) {
    const name = "norm of what each adds", values = rowOf(block, "tokenNorms", query);
    return { values, signed: false, name, short: "norm added", format: formatted };
  }
  return {
    2: { values: attention.scores, signed: true, name: "scores", format: formatted },
    3: { values: attention.weights, signed: false, name: "weights", format: inPercent },
    4: {
      values: attention.contributions,
      signed: false,
      name: "weight \u00d7 norm of value",
      short: "weight \u00d7 norm",
      format: formatted,
    },
  }[step] ?? null;
}

const MOST_TITLE = 300; // pixels of a title with its legend
const TITLE_ROOM = 30; // pixels next to the image, for its title
const VEIL = 0.85; // of black, over patches without weight

// The width for the title of the image, which is larger if the panels are below the image.
const roomOfTitle = (view) =>
  isStacked(view) ? Math.min(view.w, MOST_TITLE) : view.layout.image.size + TITLE_ROOM;

// Draw the legend of what a step shows over the image, and return the width that it leaves for the title.
function drawOverlayLegend(view, p, { x, y }, { values, signed, format }, theme, type) {
  const most = values.reduce((a, b) => Math.max(a, Math.abs(b)), 1e-9), room = roomOfTitle(view);
  const parts = legendParts(signed ? format(-most) : "0", format(most), 0.62 * room);
  if (!parts) return room;
  const veiled = (share) => {
    const gray = Math.round(255 * (1 - VEIL * (1 - share))); // over white
    return `rgb(${gray} ${gray} ${gray})`;
  };
  const left = x + room - parts.wide;
  drawLegend(p, parts, left, y - 11, signed ? tableColors(view.diverging) : veiled, theme, type);
  return left - x - 8;
}

function drawImage(view, p, { x, y, size }, theme, type) {
  const { block, picture, query } = view, { side, first, size: pixels } = block.header;
  const unit = size / side, overlay = overlayOf(view), attends = isAttention(view.step);
  const names = overlay ? [overlay.name, overlay.short ?? overlay.name] : ["the image"];
  const room = overlay ? drawOverlayLegend(view, p, { x, y }, overlay, theme, type) : roomOfTitle(view);
  p.text(fitting(names, room), x, y - 11, { ...type, weight: 500 });
  p.pixels(picture, 0, 0, pixels, pixels, x, y, size, size);
  const most = overlay ? overlay.values.reduce((a, b) => Math.max(a, Math.abs(b)), 1e-9) : 1;
  const placeOf = (token) => {
    const patch = token - first;
    return [x + (patch % side) * unit, y + Math.floor(patch / side) * unit];
  };
  for (let token = first; overlay && token < block.header.tokens; token++) {
    const [left, top] = placeOf(token), value = overlay.values[token];
    const fill = overlay.signed
      ? cssOf(view.diverging[colorIndex(value, most, true)]).replace(")", " / 0.72)")
      : `rgb(0 0 0 / ${(VEIL * (1 - value / most)).toFixed(3)})`;
    p.rect(left, top, unit, unit, { fill });
  }
  for (let i = 1; i < side; i++) {
    const line = { stroke: "rgb(127 127 127 / 0.35)", line: 0.5 };
    p.segment(x + i * unit, y, x + i * unit, y + size, line);
    p.segment(x, y + i * unit, x + size, y + i * unit, line);
  }
  const other = attends ? view.key : view.token;
  if (view.step < CLASSIFIER && other !== query && other >= first) {
    const [left, top] = placeOf(other);
    p.rect(left, top, unit, unit, { stroke: OUTER, line: 3 });
    p.rect(left, top, unit, unit, { stroke: theme.mark, line: 2 });
  }
  if (view.step === CLASSIFIER) {
    if (readsMean(block.header)) ringAround(p, x, y, size, size);
  } else if (query >= first) ringAround(p, ...placeOf(query), unit, unit);
  if (first) drawPrefix(view, p, x, y + size + 8, size, overlay, theme, type);
}

// Draw a box for each token before the patches below the image, and the value of one of them.
function drawPrefix(view, p, x, y, size, overlay, theme, type) {
  const { header } = view.block, { first } = header, pitch = prefixPitch(first, size);
  const box = Math.min(PREFIX_BOX, pitch - 1), attends = isAttention(view.step);
  const most = overlay?.values.reduce((a, b) => Math.max(a, Math.abs(b)), 1e-9);
  const colors = overlay?.signed ? view.diverging : view.colors;
  const isChosen = (token) => view.step === CLASSIFIER ? isRead(token, header) : token === view.query;
  for (let token = 0; token < first; token++) {
    const left = x + token * pitch, marked = attends && view.key === token && !isChosen(token);
    p.rect(left + 0.5, y + 0.5, box - 1, box - 1, { stroke: theme.faint, dash: [3, 3] });
    if (overlay) {
      const color = colors[colorIndex(overlay.values[token], most, overlay.signed)];
      p.rect(left, y, box, box, { fill: cssOf(color) });
    }
    if (isChosen(token)) ringAround(p, left, y, box, box);
    if (marked) p.rect(left, y, box, box, { stroke: theme.mark, line: 2 });
  }
  const other = attends ? view.key : view.token; // it has the text while it is pointed at
  const named = other < first ? other : view.query < first ? view.query : 0;
  const name = prefixLabel(prefixOf(header)[named]), format = view.step === SOFTMAX ? inPercent : formatted;
  const text = overlay ? `${name}: ${format(overlay.values[named])}` : name, left = first * pitch + 4;
  p.text(fitted(text, size - left + 10), x + left, y + box / 2 + 1, type);
}

// Draw a token's patch, or a dashed box for CLS.
function drawToken({ block: { header }, picture }, p, token, x, y, size, theme) {
  const { side, first, size: pixels } = header, unit = pixels / side, patch = token - first;
  if (patch < 0) return p.rect(x + 0.5, y + 0.5, size - 1, size - 1, { stroke: theme.faint, dash: [2, 2] });
  p.pixels(picture, (patch % side) * unit, Math.floor(patch / side) * unit, unit, unit, x, y, size, size);
}

const LEAST_CELL = 5; // pixels of the frame around a number
const LEAST_AXIS = 12; // pixels of bars, for a value at their axis

// --- panels ------------------------------------------------------------------------------------

// The token whose column a panel rings: the key in panels of keys and values, otherwise the token of the
// bars below.
function ringedToken(view, panel) {
  if (panel.follows) return view.key;
  return view.step === QKV ? view.query : view.token;
}

function drawMatrix(view, p, panel, theme, type) {
  const { block, canvases } = view, { tokens, first, side } = block.header, { box, name } = panel;
  const canvas = canvases[name], top = panelTop(panel, tokens), rows = panel.rows ?? canvas.height;
  const high = box.h - top, single = canvas.width === 1 && tokens > 1;
  p.pixels(canvas, 0, panel.from ?? 0, canvas.width, rows, box.x, box.y + top, box.w, high);
  const legend = signedLegend(view.limits[DRAWN[name]], box.w), below = box.y + box.h + 9;
  if (legend) {
    drawLegend(p, legend, box.x + box.w - legend.wide, below, tableColors(view.diverging), theme, type);
  }
  if (single) return;
  if (top) {
    const unit = box.w / tokens, pixels = block.header.size / side;
    for (let t = first; t < tokens; t++) {
      const patch = t - first, sx = (patch % side) * pixels, sy = Math.floor(patch / side) * pixels;
      p.pixels(view.picture, sx, sy, pixels, pixels, box.x + t * unit, box.y, unit * 0.94, top - 3);
    }
  }
  const ringed = panel.pools ? readColumns(block.header) : [[ringedToken(view, panel), 1]];
  for (const [token, count] of ringed) {
    const { x, w } = columnAt(panel, token, tokens);
    ringAround(p, x, box.y + top, count * w, high);
  }
  if (view.panel === panel.id && view.pointedJ !== null) markCell(view, p, panel, top, rows);
}

// Draw a frame around the number of a matrix that is written out.
function markCell(view, p, panel, top, rows) {
  const { box } = panel, unit = (box.h - top) / rows, side = Math.max(unit, LEAST_CELL);
  const { x, w } = columnAt(panel, panel.follows ? view.key : view.token, view.block.header.tokens);
  const wide = Math.max(w, LEAST_CELL), middle = box.y + top + (view.pointedJ + 0.5) * unit;
  ringAround(p, x + w / 2 - wide / 2, middle - side / 2, wide, side);
}

// Draw how a column of a matrix becomes the bars below it.
function drawFunnels(view, p, panels, theme) {
  const { tokens, only } = view.block.header;
  panels.forEach((panel, i) => {
    const above = panels[i - 1];
    if (!above || above.box.x !== panel.box.x) return;
    if (isAligned(above) && isAligned(panel)) return drawGuide(p, above, panel, view.key, tokens, theme);
    if (!panel.funnel || above.kind !== "matrix" || (only !== null && !panel.follows)) return;
    const shown = above.pools ? readColumns(view.block.header) : [[ringedToken(view, above), 1]];
    const from = above.box.y + above.box.h + 3, to = panel.box.y - 3, wide = panel.box.w / shown.length;
    const line = { stroke: theme.faint, line: 1 };
    shown.forEach(([token, count], part) => {
      const { x, w } = columnAt(above, token, tokens), left = panel.box.x + part * wide;
      p.segment(x, from, left, to, line);
      p.segment(x + count * w, from, left + wide, to, line);
    });
  });
}

// Whether a panel has a column for each token that attention reads.
const isAligned = ({ kind, axis, follows }) => kind === "matrix" ? follows : axis === "token";

// Draw lines from the key's column of a panel to that of the panel below it.
function drawGuide(p, above, below, key, tokens, theme) {
  const { x, w } = columnAt(above, key, tokens), line = { stroke: theme.faint, line: 1 };
  const from = above.box.y + above.box.h + 3, to = below.box.y - 1;
  for (const edge of [x, x + w]) p.segment(edge, from, edge, to, line);
}

function drawBars(view, p, panel, theme, type) {
  const { box, values, amount } = panel, count = values.length, pitch = box.w / count;
  const limit = panel.limit ?? values.reduce((a, b) => Math.max(a, Math.abs(b)), 1e-9);
  const top = panel.limit ?? values.reduce((a, b) => Math.max(a, b), 0);
  const bottom = panel.limit ?? values.reduce((a, b) => Math.max(a, -b), 0);
  const unit = box.h / Math.max(top + bottom, 1e-9),
    zero = box.y + top * unit,
    scale = view.limits[panel.scale] ?? limit;
  const gap = pitch > 6 ? 1 : 0, marked = markedBar(view, panel);
  if (marked !== null) {
    p.rect(box.x + marked * pitch, box.y, Math.max(pitch, 2), box.h, { fill: theme.track });
  }
  for (let i = 0; i < count; i++) {
    const high = values[i] * unit,
      color = amount
        ? view.colors[colorIndex(values[i], limit, false)]
        : view.diverging[strong(values[i], scale)];
    const fill = i === marked ? theme.mark : cssOf(color);
    p.rect(box.x + i * pitch, high > 0 ? zero - high : zero, Math.max(pitch - gap, 0.6), Math.abs(high), {
      fill,
    });
  }
  p.segment(box.x, zero, box.x + box.w, zero, { stroke: theme.faint, line: 1 });
  for (let i = 1; i < (panel.segments ?? 1); i++) {
    const x = box.x + (i / panel.segments) * box.w;
    p.segment(x, box.y, x, box.y + box.h, { stroke: theme.grid, line: 1 });
  }
  if (panel.marks) drawSpread(p, panel, zero, unit, theme, type);
  if (box.h >= LEAST_AXIS) drawAxis(p, box, top, bottom, zero, theme, type);
}

// The index of a value's color, away from the pale middle of the scale, where bars could not be seen.
function strong(value, limit) {
  const index = colorIndex(value, limit, true);
  return value < 0 ? Math.min(index, 76) : Math.max(index, 179);
}

// Draw the mean and the standard deviation of the values.
function drawSpread(p, { box, values }, zero, unit, theme, type) {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const deviation = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length);
  const line = { stroke: theme.text, line: 1, dash: [4, 3] };
  for (const level of [mean - deviation, mean + deviation]) {
    p.segment(box.x, zero - level * unit, box.x + box.w, zero - level * unit, line);
  }
  const [center, spread] = box.w < 170
    ? ["\u03bc", "\u03c3"]
    : ["mean", box.w < 250 ? "SD" : "standard deviation"];
  const label = `${center} ${formatted(mean)}, ${spread} ${formatted(deviation)}`;
  const shown = fitted(label, box.w - 10); // above the bars, as a title
  p.rect(box.x + 6, box.y - 19, 6.2 * shown.length + 8, 16, { fill: theme.background });
  p.text(shown, box.x + 10, box.y - 11, { ...type, size: 12 });
}

// The index of the bar that stands for what is pointed at, or null.
function markedBar(view, { id, axis, kind }) {
  if (kind !== "bars") return null;
  if (axis === "token") return view.key;
  if (showsTerms(id)) return null;
  if (view.step === SCORES) return view.pointedJ;
  if (view.step === VALUES) return view.panel === "z" ? view.j : null;
  if (view.step === JOIN && view.panel === "parts") return null;
  if (view.step === CLASSIFIER) {
    return ["pooled", "normalized", "features"].includes(view.panel) ? view.j : null;
  }
  return id ? view.j : null;
}

function drawList(view, p, panel, theme, type) {
  const { id, box, pictures } = panel;
  drawItems(
    view,
    p,
    panel,
    theme,
    type,
    (item) => isMarked(view, id, item),
    (item, y, high, x, size, count) => {
      if (item.token !== undefined) drawToken(view, p, item.token, box.x, y + 2, high - 5, theme);
      else if (pictures && item.crops >= 0) drawCrops(view, p, item.crops, x, y + 2, size, count);
    },
  );
}

function isMarked(view, id, item) {
  if (item.token !== undefined) return item.token === view.key;
  if (id === "classes") return item.item === view.klass;
  if (id === "parts") return view.panel === "parts" && item.item === view.j;
  return item.item === view.j;
}

// Draw the patches that excite a unit most, each with its neighbors and a frame around the patch itself.
function drawCrops(view, p, unit, x, y, size, count) {
  const { crop } = view.block.header;
  for (let i = 0; i < count; i++) {
    const left = x + i * (size + 4);
    p.pixels(view.cropped, 0, (unit * CROPS + i) * crop, crop, crop, left, y, size, size);
    p.rect(left + size / 3, y + size / 3, size / 3, size / 3, { stroke: OUTER, line: 2 });
    p.rect(left + size / 3, y + size / 3, size / 3, size / 3, { stroke: INNER, line: 1 });
  }
}
