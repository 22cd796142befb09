// The pictures of the explorer. Both painters can draw them.

import { colorIndex } from "../shared/colors.js";
import { createCanvas } from "../shared/paint.js";
import { referenceName } from "./words.js";

// Paint all cells of the grid on one sheet, with a pixel for each value; a cell has `side` x `side` values.
// `root`: the colors follow the square root of the values.
export function paintSheet(sheet, maps, side, maxima, colors, signed, root) {
  const width = maps.columns * side;
  if (sheet.width !== width || sheet.height !== maps.rows * side) {
    sheet.width = width;
    sheet.height = maps.rows * side;
    sheet.data = null;
  }
  const ctx = sheet.getContext("2d");
  sheet.data ??= ctx.createImageData(width, maps.rows * side);
  const pixels = new Uint32Array(sheet.data.data.buffer);
  for (let r = 0; r < maps.rows; r++) {
    for (let c = 0; c < maps.columns; c++) {
      const map = maps.map(r, c);
      const max = maxima[r * maps.columns + c];
      for (let y = 0; y < side; y++) {
        const line = (r * side + y) * width + c * side;
        for (let i = 0; i < side; i++) {
          pixels[line + i] = colors[colorIndex(map[y * side + i], max, signed, root)];
        }
      }
    }
  }
  ctx.putImageData(sheet.data, 0, 0);
}

/**
 * Return the color of a pixel below a map: unchanged where the map is 0, and tinted where it is large.
 * @param {number[]} rgb of the photograph
 * @param {number} share of the map's maximum, 0 to 1
 * @param {{color: number[], share: number}} tint and its share at the map's maximum
 */
export function overlayColor(rgb, share, tint) {
  const amount = tint.share * share;
  return rgb.map((v, i) => (1 - amount) * v + amount * tint.color[i]);
}

// Paint the image, S x S pixels, and a map over it. Painted pixels have the mean color and are not covered by
// the map.
export function paintImage(canvas, image, { size, side, mean }, mask, map, max, tint) {
  if (canvas.width !== size) {
    canvas.width = canvas.height = size;
    canvas.data = null;
  }
  const ctx = canvas.getContext("2d");
  canvas.data ??= ctx.createImageData(size, size);
  const out = canvas.data.data;
  const patch = size / side;
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      const i = y * size + x;
      const hidden = mask[i];
      let [r, g, b] = hidden ? mean : [image[3 * i], image[3 * i + 1], image[3 * i + 2]];
      if (map && !hidden) {
        const share = map[Math.floor(y / patch) * side + Math.floor(x / patch)] / max;
        [r, g, b] = overlayColor([r, g, b], share, tint);
      }
      out[4 * i] = r;
      out[4 * i + 1] = g;
      out[4 * i + 2] = b;
      out[4 * i + 3] = 255;
    }
  }
  ctx.putImageData(canvas.data, 0, 0);
  return canvas;
}

// Paint one map with a pixel for each value. `signed`: the colors cover -max to max.
export function paintMap(canvas, values, side, max, colors, signed = false) {
  canvas.width = canvas.height = side;
  const data = canvas.getContext("2d").createImageData(side, side);
  const pixels = new Uint32Array(data.data.buffer);
  values.forEach((v, i) => {
    pixels[i] = colors[colorIndex(v, max, signed)];
  });
  canvas.getContext("2d").putImageData(data, 0, 0);
}

// Draw the color scale.
export function drawScale(p, colors, width, height) {
  const bar = createCanvas(256, 1), ctx = bar.getContext("2d");
  const data = ctx.createImageData(256, 1);
  new Uint32Array(data.data.buffer).set(colors);
  ctx.putImageData(data, 0, 0);
  p.pixels(bar, 0, 0, 256, 1, 0, 0, width, height);
}

// Draw a white outline inside a black one: visible on dark and on bright pictures.
function outline(p, x, y, w, h, dash = []) {
  p.rect(x, y, w, h, { stroke: "#000", line: 4, dash });
  p.rect(x, y, w, h, { stroke: "#fff", line: 2, dash });
}

function patchBox(token, header, side) {
  const patch = token - header.first, unit = side / header.side;
  return [(patch % header.side) * unit, Math.floor(patch / header.side) * unit, unit, unit];
}

// Draw the image with its patches, and outline the chosen ones and the one under the pointer.
export function drawPicture(p, { header, state, picture, hoveredToken, type }, side, zoom = 1) {
  p.pixels(picture, 0, 0, header.size, header.size, 0, 0, side, side);
  const unit = side / header.side;
  if (unit >= 6) {
    for (let i = 1; i < header.side; i++) {
      p.segment(i * unit, 0, i * unit, side, { stroke: "rgba(255,255,255,.28)" });
      p.segment(0, i * unit, side, i * unit, { stroke: "rgba(255,255,255,.28)" });
    }
  }
  const marks = [[state.second, "B", [5, 3]], [state.query, "A", []], [hoveredToken, "", []]];
  for (const [token, letter, dash] of marks) {
    if (token === null || token < header.first) continue;
    const [left, top, w, h] = patchBox(token, header, side);
    outline(p, left + 1, top + 1, w - 2, h - 2, dash);
    if (letter && w >= 16 && state.second !== null) {
      const style = { ...type, size: 13 * zoom, weight: 700, align: "center", color: "#fff" };
      p.text(letter, left + w / 2, top + h / 2, style);
    }
  }
}

// Draw one large map, and outline the query's patch and the one under the pointer.
export function drawLarge(p, header, source, side, token, hoveredPatch) {
  p.pixels(source, 0, 0, source.width, source.height, 0, 0, side, side);
  if (token !== null && token >= header.first) {
    const [left, top, w, h] = patchBox(token, header, side);
    outline(p, left + 1, top + 1, w - 2, h - 2);
  }
  if (hoveredPatch !== null && hoveredPatch !== undefined) {
    const [left, top, w, h] = patchBox(hoveredPatch + header.first, header, side);
    p.rect(left + 0.5, top + 0.5, w - 1, h - 1, { stroke: "#fff", line: 1 });
  }
}

// Return the layout of the plot of entropy against mean distance. Each dot is a head, stronger for later
// layers; crosses are reference distributions of attention. All lengths are in units of `zoom` pixels.
export function plotPlan(header, w, h, zoom = 1) {
  const box = { left: 30, top: 20, right: w - 8, bottom: h - 30 };
  const points = [...header.distance.flat(), ...header.references.map((r) => r.distance)];
  const bits = [...header.entropy.flat(), ...header.references.map((r) => r.entropy)];
  const limits = [1.08 * Math.max(...points), 1.08 * Math.max(...bits)];
  const px = (v) => box.left + (v / limits[0]) * (box.right - box.left);
  const py = (v) => box.bottom - (v / limits[1]) * (box.bottom - box.top);
  return { ...box, limits, px, py, zoom };
}

function ticks(limit, count) {
  const step = [0.5, 1, 2, 5, 10, 20, 50, 100].find((s) => limit / s <= count) || 200;
  return Array.from({ length: Math.floor(limit / step) + 1 }, (_, i) => i * step);
}

export function drawPlot(p, { header, state, theme, type, hoveredCell }, plan) {
  const small = { ...type, size: 11, color: theme.faint };
  for (const v of ticks(plan.limits[0], 5)) {
    p.segment(plan.px(v), plan.top, plan.px(v), plan.bottom, { stroke: theme.grid });
    p.text(String(v), plan.px(v), plan.bottom + 9, { ...small, align: "center" });
  }
  for (const v of ticks(plan.limits[1], 4)) {
    p.segment(plan.left, plan.py(v), plan.right, plan.py(v), { stroke: theme.grid });
    p.text(String(v), plan.left - 6, plan.py(v), { ...small, align: "right" });
  }
  p.text("mean distance, pixels", (plan.left + plan.right) / 2, plan.bottom + 23, {
    ...small,
    align: "center",
  });
  p.text("entropy, bits", 0, 7, small);
  for (const r of header.references) {
    const [cx, cy] = [plan.px(r.distance), plan.py(r.entropy)];
    p.segment(cx, plan.top, cx, plan.bottom, { stroke: theme.faint, dash: [2, 3] });
    p.segment(cx - 4, cy, cx + 4, cy, { stroke: theme.text, line: 1.5 });
    p.segment(cx, cy - 4, cx, cy + 4, { stroke: theme.text, line: 1.5 });
  }
  for (const [i, r] of header.references.entries()) {
    const text = `+ ${referenceName(r.name)}`, width = 6 * text.length, y = plan.bottom - 10 - 15 * i;
    const left = Math.min(plan.px(r.distance) + 6, plan.right - width);
    p.rect(left - 2, y - 7, width + 2, 14, { fill: theme.background }); // the dotted lines end at the text
    p.text(text, left, y, small);
  }
  header.distance.forEach((row, l) =>
    row.forEach((d, h) => {
      const share = header.layers === 1 ? 1 : l / (header.layers - 1);
      const fill = `color-mix(in srgb, ${header.hue} ${Math.round(25 + 75 * share)}%, ${theme.background})`;
      p.dot(plan.px(d), plan.py(header.entropy[l][h]), 4, { fill, stroke: theme.background, line: 0.7 });
    })
  );
  for (
    const [l, h, line] of [
      [state.layer, state.head, 3],
      hoveredCell ? [hoveredCell.r, hoveredCell.c, 1.5] : [],
    ]
  ) {
    const chosen = (a, b) =>
      l === undefined ? false : (l === header.layers || a === l) && (h === header.heads || b === h);
    if (l === header.layers && h === header.heads) continue; // the mean over all heads has no dot
    header.distance.forEach((row, a) =>
      row.forEach((d, b) => {
        if (!chosen(a, b)) return;
        const ring = { stroke: line === 3 ? theme.mark : theme.text, line: line === 3 ? 2.5 : 1.5 };
        p.dot(plan.px(d), plan.py(header.entropy[a][b]), 6, ring);
      })
    );
  }
}

// Return the layer and the head of the nearest dot, or null.
export function dotUnder(plan, header, x, y) {
  [x, y] = [x / plan.zoom, y / plan.zoom];
  let best = null, least = 12 ** 2; // squared, of at most 12 pixels
  header.distance.forEach((row, l) =>
    row.forEach((d, h) => {
      const distance = (plan.px(d) - x) ** 2 + (plan.py(header.entropy[l][h]) - y) ** 2;
      if (distance < least) [best, least] = [{ r: l, c: h }, distance];
    })
  );
  return best;
}
