// data: header { count }, float32 similarities [N, N]

import { bytesOf, shade, table } from "../shared/colors.js";
import { headerOf } from "../shared/message.js";
import { canvasOf, CanvasPainter } from "../shared/paint.js";
import { savePainted } from "../shared/picture.js";
import { fileStem, giveCsv, offerFiles } from "../shared/save.js";
import { coloring, onTheme } from "../shared/theme.js";

const cosine = (v) => v.toFixed(2).replace("-", "\u2212");

function drawAlike(root) {
  const { values, side, chosen, colors } = root.alike;
  const sheet = canvasOf(side * side, side * side), one = canvasOf(side, side);
  const paint = (canvas, at) => {
    const ctx = canvas.getContext("2d"), data = ctx.createImageData(canvas.width, canvas.height);
    const pixels = new Uint32Array(data.data.buffer);
    for (let y = 0; y < canvas.height; y++) {
      for (let x = 0; x < canvas.width; x++) {
        pixels[y * canvas.width + x] = colors[shade(values[at(y, x)], 1, true)];
      }
    }
    ctx.putImageData(data, 0, 0);
  };
  const n = side * side;
  const patch = (y, x) => Math.floor(y / side) * side + Math.floor(x / side); // whose tile
  paint(sheet, (y, x) => patch(y, x) * n + (y % side) * side + (x % side));
  paint(one, (y, x) => chosen * n + y * side + x);
  const all = root.querySelector(".alike-all"), large = root.querySelector(".alike-one");
  const wide = all.clientWidth, tile = wide / side, gap = Math.min(3, tile / 8);
  const p = new CanvasPainter(all, wide, wide);
  for (let r = 0; r < side; r++) {
    for (let c = 0; c < side; c++) {
      p.pixels(sheet, c * side, r * side, side, side, c * tile, r * tile, tile - gap, tile - gap);
    }
  }
  const { text, ground } = coloring(root);
  const row = Math.floor(chosen / side), column = chosen % side;
  const framed = (inset, stroke, line) =>
    p.rect(column * tile + inset, row * tile + inset, tile - gap - 2 * inset, tile - gap - 2 * inset, {
      stroke,
      line,
    });
  framed(1.75, ground, 3.5); // seen on dark tiles and on light ones, in both themes
  framed(1, text, 2);
  const q = new CanvasPainter(large, large.clientWidth, large.clientWidth);
  q.pixels(one, 0, 0, side, side, 0, 0, large.clientWidth, large.clientWidth);
  const cell = large.clientWidth / side; // the chosen patch itself
  q.rect(column * cell + 1.5, row * cell + 1.5, cell - 3, cell - 3, { stroke: "#fff", line: 3 });
  q.rect(column * cell + 1.5, row * cell + 1.5, cell - 3, cell - 3, { stroke: "#000", line: 1.5 });
  root.querySelector(".alike-scale canvas").getContext("2d").putImageData(root.alike.bar, 0, 0);
  const similar = values.subarray(chosen * n, (chosen + 1) * n);
  const others = [...similar].map((v, i) => [v, i]).filter(([, i]) => i !== chosen);
  const [best, at] = others.reduce((a, b) => (b[0] > a[0] ? b : a));
  const name = (i) => `row ${Math.floor(i / side) + 1}, column ${(i % side) + 1}`;
  const words = `The position of ${name(chosen)} is most like that of ${name(at)}: cosine ${cosine(best)}.`;
  root.querySelector(".alike-words").textContent = words;
  all.setAttribute("aria-label", `Similarity of every position to every other. ${words}`);
  large.setAttribute("aria-label", `Similarity to ${name(chosen)}`);
  root.dataset.chosen = chosen;
}

// All maps and the chosen one; the numbers of all.
function saveAlike(root, format) {
  const { values, side } = root.alike, stem = fileStem("positions"), n = side * side;
  const place = (i) => [Math.floor(i / side) + 1, (i % side) + 1];
  if (format === "csv") {
    const rows = Array.from(
      values,
      (v, i) => [...place(Math.floor(i / n)), ...place(i % n), +v.toPrecision(6)],
    );
    return giveCsv([["row", "column", "to row", "to column", "cosine"], ...rows], stem);
  }
  const look = coloring(root), edge = 16, wide = 480, small = 240, foot = 28;
  const pair = [...root.querySelectorAll(".alike-all, .alike-one")],
    type = { font: look.font, size: 13, color: look.text };
  return savePainted(format, stem, [3 * edge + wide + small, 2 * edge + wide + foot], look.ground, (p) => {
    [[edge, wide], [2 * edge + wide, small]].forEach(([x, size], i) =>
      p.pixels(pair[i], 0, 0, pair[i].width, pair[i].height, x, edge, size, size)
    );
    p.text(root.querySelector(".alike-words").textContent, edge, edge + wide + 18, type);
  });
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".alike");
  const { header, at: begin } = headerOf(data);
  const values = new Float32Array(data.slice(begin).buffer);
  const side = Math.round(Math.sqrt(header.count)), middle = Math.floor(side / 2) * (side + 1);
  const fresh = !root.alike;
  const colors = table(bytesOf(header.signs)), bar = new ImageData(256, 1);
  new Uint32Array(bar.data.buffer).set(colors);
  root.alike = { values, side, chosen: middle, colors, bar };
  drawAlike(root);
  if (!fresh) return;
  offerFiles(root.querySelector(".files"), (format) => saveAlike(root, format));
  const all = root.querySelector(".alike-all");
  const choose = (patch) => {
    if (patch === root.alike.chosen) return;
    root.alike.chosen = patch;
    requestAnimationFrame(() => drawAlike(root));
  };
  all.addEventListener("pointermove", (event) => {
    const box = all.getBoundingClientRect(), { side: s } = root.alike;
    const at = (v, from) => Math.max(0, Math.min(s - 1, Math.floor(((v - from) / box.width) * s)));
    choose(at(event.clientY, box.top) * s + at(event.clientX, box.left));
  });
  all.addEventListener("keydown", (event) => {
    const { side: s, chosen } = root.alike, row = Math.floor(chosen / s), column = chosen % s;
    const keep = (v) => Math.max(0, Math.min(s - 1, v));
    const moves = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    choose(keep(row + move[0]) * s + keep(column + move[1]));
  });
  new ResizeObserver(() => drawAlike(root)).observe(all);
  onTheme(root, () => drawAlike(root));
  const one = root.querySelector(".alike-one"), read = root.querySelector(".alike-value");
  one.addEventListener("pointermove", (event) => {
    const box = one.getBoundingClientRect(), { side: s, chosen, values: v } = root.alike;
    const at = (p, from) => Math.max(0, Math.min(s - 1, Math.floor(((p - from) / box.width) * s)));
    const row = at(event.clientY, box.top), column = at(event.clientX, box.left);
    const value = cosine(v[chosen * s * s + row * s + column]);
    read.textContent = `To row ${row + 1}, column ${column + 1}: ${value}.`;
  });
  one.addEventListener("pointerleave", () => (read.textContent = ""));
}
