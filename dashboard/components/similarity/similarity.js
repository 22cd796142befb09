// data: header { count }, float32 similarities [N, N]

function drawAlike(root) {
  const { values, side, chosen, colours } = root.alike;
  const sheet = canvasOf(side * side, side * side), one = canvasOf(side, side);
  const paint = (canvas, at) => {
    const ctx = canvas.getContext("2d"), data = ctx.createImageData(canvas.width, canvas.height);
    const pixels = new Uint32Array(data.data.buffer);
    for (let y = 0; y < canvas.height; y++)
      for (let x = 0; x < canvas.width; x++) pixels[y * canvas.width + x] = colours[shade(values[at(y, x)], 1, true)];
    ctx.putImageData(data, 0, 0);
  };
  const n = side * side;
  const patch = (y, x) => Math.floor(y / side) * side + Math.floor(x / side); // whose tile
  paint(sheet, (y, x) => patch(y, x) * n + (y % side) * side + (x % side));
  paint(one, (y, x) => chosen * n + y * side + x);
  const [all, large] = root.querySelectorAll("canvas");
  const wide = all.clientWidth, tile = wide / side, gap = Math.min(3, tile / 8);
  const p = new CanvasPainter(all, wide, wide);
  for (let r = 0; r < side; r++)
    for (let c = 0; c < side; c++) p.pixels(sheet, c * side, r * side, side, side, c * tile, r * tile, tile - gap, tile - gap);
  const { text } = colouring(root);
  const row = Math.floor(chosen / side), column = chosen % side;
  p.rect(column * tile + 1, row * tile + 1, tile - gap - 2, tile - gap - 2, { stroke: text, line: 3 });
  const q = new CanvasPainter(large, large.clientWidth, large.clientWidth);
  q.pixels(one, 0, 0, side, side, 0, 0, large.clientWidth, large.clientWidth);
  const others = [...values.subarray(chosen * n, (chosen + 1) * n)].map((v, i) => [v, i]).filter(([, i]) => i !== chosen);
  const [best, at] = others.reduce((a, b) => (b[0] > a[0] ? b : a));
  const name = (i) => `row ${Math.floor(i / side) + 1}, column ${(i % side) + 1}`;
  const words = `The position of ${name(chosen)} is most like that of ${name(at)}: cosine ${best.toFixed(2)}.`;
  root.querySelector("p").textContent = words;
  all.setAttribute("aria-label", `Similarity of every position to every other. ${words}`);
  large.setAttribute("aria-label", `Similarity to ${name(chosen)}`);
  root.dataset.chosen = chosen;
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".alike");
  const { header, at: begin } = headerOf(data);
  const values = new Float32Array(data.slice(begin).buffer);
  const side = Math.round(Math.sqrt(header.count)), middle = Math.floor(side / 2) * (side + 1);
  const fresh = !root.alike;
  root.alike = { values, side, chosen: middle, colours: table(bytesOf(header.signs)) };
  drawAlike(root);
  if (!fresh) return;
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
}
