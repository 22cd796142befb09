// The drawing of a step, with a painter for canvas or SVG: the image on the left (image.js), the panels of
// the step next to it.

import { drawItems } from "../inside/items.js";
import { cssOf, fitting, INNER, OUTER, paintPanels, ringAround } from "../inside/paint.js";
import { colorIndex } from "../shared/colors.js";
import { formatted } from "../shared/numbers.js";
import { CROPS } from "./columns.js";
import { readColumns } from "./head.js";
import { drawImage } from "./image.js";
import { drawAxis, drawLegend, signedLegend, tableColors } from "./legend.js";
import { KEY, ringKey, ringQuery } from "./marks.js";
import { DRAWN } from "./matrices.js";
import { columnAt, panelTop } from "./panels.js";
import { CLASSIFIER, JOIN, QKV, SCORES, VALUES } from "./steps.js";
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
    const ring = panel.follows || (!panel.pools && token !== view.query) ? ringKey : ringQuery;
    ring(p, x, box.y + top, count * w, high);
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
    if (isAligned(above) && isAligned(panel)) return drawGuide(p, above, panel, view.key, tokens);
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
function drawGuide(p, above, below, key, tokens) {
  const { x, w } = columnAt(above, key, tokens), line = { stroke: KEY, line: 1.5 };
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
  const mark = panel.axis === "token" ? KEY : theme.mark;
  if (marked !== null) {
    p.rect(box.x + marked * pitch, box.y, Math.max(pitch, 2), box.h, { fill: theme.track });
  }
  for (let i = 0; i < count; i++) {
    const high = values[i] * unit,
      color = amount
        ? view.colors[colorIndex(values[i], limit, false)]
        : view.diverging[strong(values[i], scale)];
    const fill = i === marked ? mark : cssOf(color);
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

// The index of a value's color, away from the pale middle and the dark ends of the scale: bars are visible on
// a light and on a dark page.
function strong(value, limit) {
  const index = colorIndex(value, limit, true), [from, to] = value < 0 ? [40, 76] : [179, 215];
  return Math.max(from, Math.min(to, index));
}

// Draw the mean and the standard deviation of the values.
function drawSpread(p, { box, values }, zero, unit, theme, type) {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  const deviation = Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length);
  const line = { stroke: theme.text, line: 1, dash: [4, 3] };
  for (const level of [mean - deviation, mean + deviation]) {
    p.segment(box.x, zero - level * unit, box.x + box.w, zero - level * unit, line);
  }
  const [m, s] = [mean, deviation].map(formatted);
  const labels = [`mean ${m}, standard deviation ${s}`, `mean ${m}, SD ${s}`, `\u03bc ${m}, \u03c3 ${s}`];
  const shown = fitting([...labels, `\u03c3 ${s}`], box.w - 10); // above the bars, as a title
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
      if (item.token !== undefined) {
        drawToken(view, p, item.token, box.x, y + 2, high - 5, theme);
        if (item.token === view.key) ringKey(p, box.x + 1, y + 3, high - 7, high - 7);
      } else if (pictures && item.crops >= 0) {
        drawCrops(view, p, item.crops, x, y + (high - size) / 2, size, count);
      }
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
