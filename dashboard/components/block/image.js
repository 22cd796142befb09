// The image of a step, with a value of each token over it.

import { cssOf, fitted, fitting, ringAround, titleWidth } from "../inside/paint.js";
import { isStacked } from "../inside/layout.js";
import { colorIndex } from "../shared/colors.js";
import { formatted, inPercent } from "../shared/numbers.js";
import { prefixLabel, prefixOf } from "../shared/tokens.js";
import { ALL_HEADS } from "./columns.js";
import { rowOf } from "./data.js";
import { isRead, readsMean } from "./head.js";
import { drawLegend, legendParts, tableColors } from "./legend.js";
import { drawMeaning, ringKey, ringQuery } from "./marks.js";
import { PREFIX_BOX, prefixPitch } from "./panels.js";
import { CLASSIFIER, isAttention, SOFTMAX } from "./steps.js";

/** Return the values of the tokens that a step shows over the image, as { values, signed, name }, or null. */
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
      shortest: "norms",
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

// The veil over white, for a share of the largest value.
function veiled(share) {
  const gray = Math.round(255 * (1 - VEIL * (1 - share)));
  return `rgb(${gray} ${gray} ${gray})`;
}

// Draw the legend of what a step shows over the image, and return the width that it leaves for the title.
function drawOverlayLegend(view, p, { x, y }, { values, signed, format }, theme, type) {
  const most = values.reduce((a, b) => Math.max(a, Math.abs(b)), 1e-9), room = roomOfTitle(view);
  const parts = legendParts(signed ? format(-most) : "0", format(most), 0.62 * room);
  if (!parts) return room;
  const left = x + room - parts.wide;
  drawLegend(p, parts, left, y - 11, signed ? tableColors(view.diverging) : veiled, theme, type);
  return left - x - 8;
}

/**
 * Draw the image with the values of a step over it, and the tokens before the patches below it.
 * @param {any} view
 * @param {any} p painter
 */
export function drawImage(view, p, { x, y, size }, theme, type) {
  const { block, picture, query } = view, { side, first, size: pixels } = block.header;
  const unit = size / side, overlay = overlayOf(view), attends = isAttention(view.step);
  const names = overlay ? [overlay.name, overlay.short, overlay.shortest].filter(Boolean) : ["the image"];
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
  if (view.step === CLASSIFIER) {
    if (readsMean(block.header)) ringAround(p, x, y, size, size);
  } else {
    if (query >= first) ringQuery(p, ...placeOf(query), unit, unit);
    if (other >= first && (attends || other !== query)) {
      const [left, top] = placeOf(other), inner = other === query ? 3 : 0; // inside of the ring of the query
      ringKey(p, left + inner, top + inner, unit - 2 * inner, unit - 2 * inner);
    }
  }
  const used = first ? drawPrefix(view, p, x, y + size + 8, size, overlay, theme, type) : 0;
  const right = isStacked(view) ? view.w : size - 16; // the axis of the panel next to it has labels there
  if (attends) drawMeaning(p, x + right, y + size + 8 + PREFIX_BOX / 2, right - used, type);
}

// Draw a box for each token before the patches below the image, and the value of one of them. Return their
// width.
function drawPrefix(view, p, x, y, size, overlay, theme, type) {
  const { header } = view.block, { first } = header, pitch = prefixPitch(first, size);
  const box = Math.min(PREFIX_BOX, pitch - 1), attends = isAttention(view.step);
  const most = overlay?.values.reduce((a, b) => Math.max(a, Math.abs(b)), 1e-9);
  const isChosen = (token) => view.step === CLASSIFIER ? isRead(token, header) : token === view.query;
  for (let token = 0; token < first; token++) {
    const left = x + token * pitch, marked = attends && view.key === token && !isChosen(token);
    p.rect(left + 0.5, y + 0.5, box - 1, box - 1, { stroke: theme.faint, dash: [3, 3] });
    if (overlay) {
      const value = overlay.values[token];
      const fill = overlay.signed
        ? cssOf(view.diverging[colorIndex(value, most, true)])
        : veiled(value / most);
      p.rect(left, y, box, box, { fill });
    }
    if (isChosen(token)) ringQuery(p, left, y, box, box);
    if (marked) ringKey(p, left, y, box, box);
  }
  const other = attends ? view.key : view.token; // it has the text while it is pointed at
  const named = other < first ? other : view.query < first ? view.query : 0;
  const name = prefixLabel(prefixOf(header)[named]), format = view.step === SOFTMAX ? inPercent : formatted;
  const text = overlay ? `${name}: ${format(overlay.values[named])}` : name, left = first * pitch + 4;
  const shown = fitted(text, size - left + 10);
  p.text(shown, x + left, y + box / 2 + 1, type);
  return left + titleWidth(shown);
}
