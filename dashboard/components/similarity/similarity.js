// A map of cosine similarities for every position, and the chosen position's map enlarged.
// data: header { count, step }, float32 similarities [T, N]; N = side^2, and the T positions that have a tile
// are those of every `step` rows and columns.

import { colorIndex, colorTable, decodeBase64 } from "../shared/colors.js";
import { readHeader } from "../shared/message.js";
import { CanvasPainter, createCanvas } from "../shared/paint.js";
import { savePainted } from "../shared/picture.js";
import { fileStem, offerFiles, saveCsv } from "../shared/save.js";
import { onTheme, themeColors } from "../shared/theme.js";
import { preventTouchMenu } from "../shared/touch.js";

const cosineText = (v) => v.toFixed(2).replace("-", "\u2212");

function drawSimilarity(root) {
  const { values, side, step, tiles, chosen, colors } = root.similarity; // `chosen` is the number of a tile
  const sheet = createCanvas(tiles * side, tiles * side), chosenMap = createCanvas(side, side);
  const paint = (canvas, indexAt) => {
    const ctx = canvas.getContext("2d"), data = ctx.createImageData(canvas.width, canvas.height);
    const pixels = new Uint32Array(data.data.buffer);
    for (let y = 0; y < canvas.height; y++) {
      for (let x = 0; x < canvas.width; x++) {
        pixels[y * canvas.width + x] = colors[colorIndex(values[indexAt(y, x)], 1, true)];
      }
    }
    ctx.putImageData(data, 0, 0);
  };
  const n = side * side;
  const tileAt = (y, x) => Math.floor(y / side) * tiles + Math.floor(x / side);
  paint(sheet, (y, x) => tileAt(y, x) * n + (y % side) * side + (x % side));
  paint(chosenMap, (y, x) => chosen * n + y * side + x);
  const all = root.querySelector(".similarity-all"), large = root.querySelector(".similarity-chosen");
  const width = all.clientWidth, tile = width / tiles, gap = Math.min(3, tile / 8);
  const p = new CanvasPainter(all, width, width);
  for (let r = 0; r < tiles; r++) {
    for (let c = 0; c < tiles; c++) {
      p.pixels(sheet, c * side, r * side, side, side, c * tile, r * tile, tile - gap, tile - gap);
    }
  }
  const { text, background } = themeColors(root);
  const row = Math.floor(chosen / tiles), column = chosen % tiles, position = step * (row * side + column);
  const frameChosen = (inset, stroke, line) =>
    p.rect(column * tile + inset, row * tile + inset, tile - gap - 2 * inset, tile - gap - 2 * inset, {
      stroke,
      line,
    });
  frameChosen(1.75, background, 3.5); // two colors: visible on dark and on light tiles
  frameChosen(1, text, 2);
  const q = new CanvasPainter(large, large.clientWidth, large.clientWidth);
  q.pixels(chosenMap, 0, 0, side, side, 0, 0, large.clientWidth, large.clientWidth);
  const cell = large.clientWidth / side; // the chosen position itself
  const [x, y, inner] = [step * column * cell + 1.5, step * row * cell + 1.5, Math.max(1, cell - 3)];
  q.rect(x, y, inner, inner, { stroke: "#fff", line: 3 });
  q.rect(x, y, inner, inner, { stroke: "#000", line: 1.5 });
  root.querySelector(".similarity-scale canvas").getContext("2d").putImageData(root.similarity.bar, 0, 0);
  const similar = values.subarray(chosen * n, (chosen + 1) * n);
  const others = [...similar].map((v, i) => [v, i]).filter(([, i]) => i !== position);
  const [best, nearest] = others.reduce((a, b) => (b[0] > a[0] ? b : a));
  const nameOf = (i) => `row ${Math.floor(i / side) + 1}, column ${(i % side) + 1}`;
  const summary = `The position of ${nameOf(position)} is most similar to that of ${
    nameOf(nearest)
  }: cosine ${cosineText(best)}.`;
  root.querySelector(".similarity-text").textContent = summary;
  all.setAttribute(
    "aria-label",
    `Similarity of ${step > 1 ? "some positions" : "every position"} to every other. ${summary}`,
  );
  large.setAttribute("aria-label", `Similarity to ${nameOf(position)}`);
  root.dataset.chosen = chosen;
}

// Save all maps and the chosen one as a picture, or all similarities as CSV.
function saveSimilarity(root, format) {
  const { values, side, step, tiles } = root.similarity, stem = fileStem("positions"), n = side * side;
  const rowColumn = (i) => [Math.floor(i / side) + 1, (i % side) + 1];
  if (format === "csv") {
    const rows = Array.from(
      values,
      (v, i) => {
        const tile = Math.floor(i / n), position = step * (Math.floor(tile / tiles) * side + tile % tiles);
        return [...rowColumn(position), ...rowColumn(i % n), +v.toPrecision(6)];
      },
    );
    return saveCsv([["row", "column", "to row", "to column", "cosine"], ...rows], stem);
  }
  const theme = themeColors(root), edge = 16, large = 480, small = 240, foot = 28;
  const canvases = [...root.querySelectorAll(".similarity-all, .similarity-chosen")],
    type = { font: theme.font, size: 13, color: theme.text };
  return savePainted(
    format,
    stem,
    [3 * edge + large + small, 2 * edge + large + foot],
    theme.background,
    (p) => {
      [[edge, large], [2 * edge + large, small]].forEach(([x, size], i) =>
        p.pixels(canvases[i], 0, 0, canvases[i].width, canvases[i].height, x, edge, size, size)
      );
      p.text(root.querySelector(".similarity-text").textContent, edge, edge + large + 18, type);
    },
  );
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".similarity");
  const { header, offset } = readHeader(data);
  const values = new Float32Array(data.slice(offset).buffer);
  const side = Math.round(Math.sqrt(header.count)), { step } = header, tiles = Math.ceil(side / step);
  const middle = Math.floor(tiles / 2) * (tiles + 1);
  const firstMount = !root.similarity;
  const colors = colorTable(decodeBase64(header.diverging)), bar = new ImageData(256, 1);
  new Uint32Array(bar.data.buffer).set(colors);
  root.similarity = { values, side, step, tiles, chosen: middle, colors, bar };
  drawSimilarity(root);
  if (!firstMount) return;
  offerFiles(root.querySelector(".files"), (format) => saveSimilarity(root, format));
  const all = root.querySelector(".similarity-all");
  const choose = (patch) => {
    if (patch === root.similarity.chosen) return;
    root.similarity.chosen = patch;
    requestAnimationFrame(() => drawSimilarity(root));
  };
  const choosePointed = (event) => {
    const box = all.getBoundingClientRect(), { tiles: s } = root.similarity;
    const index = (v, from) => Math.max(0, Math.min(s - 1, Math.floor(((v - from) / box.width) * s)));
    choose(index(event.clientY, box.top) * s + index(event.clientX, box.left));
  };
  for (const type of ["pointermove", "pointerdown"]) all.addEventListener(type, choosePointed);
  preventTouchMenu(root);
  all.addEventListener("keydown", (event) => {
    const { tiles: s, chosen } = root.similarity, row = Math.floor(chosen / s), column = chosen % s;
    const clamp = (v) => Math.max(0, Math.min(s - 1, v));
    const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    choose(clamp(row + move[0]) * s + clamp(column + move[1]));
  });
  new ResizeObserver(() => drawSimilarity(root)).observe(all);
  onTheme(root, () => drawSimilarity(root));
  const one = root.querySelector(".similarity-chosen"), valueText = root.querySelector(".similarity-value");
  one.addEventListener("pointermove", (event) => {
    const box = one.getBoundingClientRect(), { side: s, chosen, values: v } = root.similarity;
    const index = (p, from) => Math.max(0, Math.min(s - 1, Math.floor(((p - from) / box.width) * s)));
    const row = index(event.clientY, box.top), column = index(event.clientX, box.left);
    const value = cosineText(v[chosen * s * s + row * s + column]);
    valueText.textContent = `To row ${row + 1}, column ${column + 1}: ${value}.`;
  });
  one.addEventListener("pointerleave", () => (valueText.textContent = ""));
}
