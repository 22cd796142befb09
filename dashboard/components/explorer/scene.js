// The pictures of the explorer. Both painters can draw them.

import { writeColors } from "../shared/colors.js";
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
      const map = maps.map(r, c), scale = { colors, max: maxima[r * maps.columns + c], signed, root };
      for (let y = 0; y < side; y++) {
        writeColors(pixels, (r * side + y) * width + c * side, map, y * side, side, scale);
      }
    }
  }
  ctx.putImageData(sheet.data, 0, 0);
}

/**
 * Write the pixels of an image with a map over it as RGBA: unchanged where the map is 0, and tinted where it
 * is large. Painted pixels have the mean color and are not covered by the map.
 * @param {Uint8ClampedArray} out [size, size, 4]
 * @param {Uint8Array} image [size, size, 3]
 * @param {{ size: number, side: number, mean: number[] }} header `side`: patches in a row
 * @param {Uint8Array} mask 1 for each painted pixel
 * @param {ArrayLike<number> | null} map [side * side]
 * @param {number} max of the map
 * @param {{ color: number[], share: number }} tint and its share at the map's maximum
 */
export function blendImage(out, image, { size, side, mean }, mask, map, max, tint) {
  const whole = 65536; // amounts are integers of this unit, with which the loop is several times faster
  const amounts = Int32Array.from(
    { length: side * side },
    (_, i) => map ? Math.round(whole * tint.share * Math.min(1, map[i] / max)) : 0,
  );
  const columns = Uint16Array.from({ length: size }, (_, x) => Math.floor(x / (size / side)));
  const [red, green, blue] = tint.color, pixels = new Uint32Array(out.buffer);
  const painted = packed(...mean.map(Math.round));
  for (let y = 0, i = 0; y < size; y++) {
    const row = columns[y] * side;
    for (let x = 0; x < size; x++, i++) {
      const amount = amounts[row + columns[x]], rest = whole - amount;
      const r = (rest * image[3 * i] + amount * red + whole / 2) >> 16;
      const g = (rest * image[3 * i + 1] + amount * green + whole / 2) >> 16;
      const b = (rest * image[3 * i + 2] + amount * blue + whole / 2) >> 16;
      pixels[i] = mask[i] ? painted : packed(r, g, b);
    }
  }
}

// Return an opaque color as the number that a little-endian machine stores as RGBA.
const packed = (r, g, b) => (255 << 24) | (b << 16) | (g << 8) | r;

// Paint the image, S x S pixels, and a map over it: see `blendImage`.
export function paintImage(canvas, image, header, mask, map, max, tint) {
  const { size } = header;
  if (canvas.width !== size) {
    canvas.width = canvas.height = size;
    canvas.data = null;
  }
  const ctx = canvas.getContext("2d");
  canvas.data ??= ctx.createImageData(size, size);
  blendImage(canvas.data.data, image, header, mask, map, max, tint);
  ctx.putImageData(canvas.data, 0, 0);
  return canvas;
}

// Paint one map with a pixel for each value. `signed`: the colors cover -max to max.
export function paintMap(canvas, values, side, max, colors, signed = false) {
  canvas.width = canvas.height = side;
  const data = canvas.getContext("2d").createImageData(side, side);
  const pixels = new Uint32Array(data.data.buffer);
  writeColors(pixels, 0, values, 0, values.length, { colors, max, signed, root: false });
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

// Draw the axes, the references and the dots of the plot: everything that does not follow the pointer.
export function drawPlot(p, { header, theme, type }, plan) {
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
}

// Draw rings around the dots of the chosen layer and head, and of those under the pointer.
export function drawPlotRings(p, { header, state, theme, hoveredCell }, plan) {
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
