// Five steps from an image to the tokens that the first block reads. Patches keep their identity from step to step:
// each has a place in every step, and moves from one to the next.
// data: header { size, patch, tokens, dim, note, limit }, image [S, S, 3], float32 tokens [T, D], positions [T, D]

const TITLES = ["Image", "Patches", "Sequence", "Projection", "Positions"];
const MOVE_MS = 900, REST_MS = 1500;

class Stepper {
  constructor(root) {
    Object.assign(this, { root, step: 0, from: 0, share: 1, hover: null, playing: false });
    this.canvas = root.querySelector("canvas");
    this.strips = [canvasOf(1, 1), canvasOf(1, 1), canvasOf(1, 1)];
    const list = root.querySelector("ol");
    TITLES.forEach((title, i) => {
      const button = document.createElement("button");
      button.textContent = `${i + 1} ${title}`;
      button.addEventListener("click", () => this.go(i));
      list.appendChild(document.createElement("li")).appendChild(button);
    });
    const act = { back: () => this.go(this.step - 1), next: () => this.go(this.step + 1), play: () => this.play(!this.playing) };
    for (const button of root.querySelectorAll("[data-do]")) button.addEventListener("click", act[button.dataset.do]);
    root.addEventListener("keydown", (event) => {
      const keys = { ArrowLeft: act.back, ArrowRight: act.next, " ": event.target === root ? act.play : null };
      if (!keys[event.key]) return;
      event.preventDefault();
      keys[event.key]();
    });
    this.canvas.addEventListener("pointermove", (event) => {
      const box = this.canvas.getBoundingClientRect();
      this.point(this.under(event.clientX - box.left, event.clientY - box.top));
    });
    this.canvas.addEventListener("pointerleave", () => this.point(null));
    new ResizeObserver(() => this.schedule()).observe(root);
    onTheme(root, () => this.schedule());
  }

  take(bytes) {
    const message = headerOf(bytes);
    const h = (this.header = message.header);
    let { at } = message;
    const pixels = bytes.subarray(at, at + 3 * h.size ** 2);
    at += Math.ceil((3 * h.size ** 2) / 4) * 4;
    const floats = () => new Float32Array(bytes.slice(at, (at += 4 * h.tokens * h.dim)).buffer);
    [this.tokens, this.positions] = [floats(), floats()];
    this.side = h.size / h.patch;
    this.count = this.side ** 2;
    this.first = h.tokens ? h.tokens - this.count : 0;
    this.picture = canvasOf(h.size, h.size);
    const data = this.picture.getContext("2d").createImageData(h.size, h.size);
    for (let i = 0; i < h.size ** 2; i++) data.data.set([pixels[3 * i], pixels[3 * i + 1], pixels[3 * i + 2], 255], 4 * i);
    this.picture.getContext("2d").putImageData(data, 0, 0);
    const colours = table(bytesOf(h.signs));
    const sum = this.tokens.map((v, i) => v + this.positions[i]);
    [this.tokens, this.positions, sum].forEach((values, i) => strip(this.strips[i], values, h, colours));
    this.furnish();
    this.schedule();
  }

  go(step) {
    if (step < 0 || step >= TITLES.length || step === this.step) return;
    Object.assign(this, { from: this.step, step, began: performance.now() });
    this.share = window.matchMedia("(prefers-reduced-motion: reduce)").matches ? 1 : 0;
    this.furnish();
    this.schedule();
  }

  play(on) {
    this.playing = on;
    clearTimeout(this.timer);
    if (on && this.step === TITLES.length - 1) Object.assign(this, { step: 0, from: 0, share: 1 });
    this.furnish();
    this.schedule();
    const next = () => {
      if (!this.playing || !this.root.isConnected) return;
      if (this.step === TITLES.length - 1) return this.play(false);
      this.go(this.step + 1);
      this.timer = setTimeout(next, MOVE_MS + REST_MS);
    };
    if (on) this.timer = setTimeout(next, 500);
  }

  furnish() {
    const { header: h, step, side, count } = this;
    this.root.querySelectorAll("ol button").forEach((b, i) => (i === step ? b.setAttribute("aria-current", "step") : b.removeAttribute("aria-current")));
    this.root.querySelector('[data-do="back"]').disabled = step === 0;
    this.root.querySelector('[data-do="next"]').disabled = step === TITLES.length - 1;
    this.root.querySelector('[data-do="play"]').textContent = this.playing ? "Pause" : "Play";
    const inside = 3 * h.patch ** 2, cls = this.first ? ", CLS in front" : "";
    const words = [
      `[3, ${h.size}, ${h.size}]: ${h.size} x ${h.size} pixels in three colours, ${(3 * h.size ** 2).toLocaleString("en")} numbers.`,
      `[${count}, ${inside}]: ${side} x ${side} squares of ${h.patch} x ${h.patch} pixels, row by row.`,
      `[${count}, ${inside}]: read like text, ${count} tokens of 3 x ${h.patch} x ${h.patch} = ${inside} numbers each. Who was whose neighbour is not told.`,
      h.note || `[${h.tokens}, ${h.dim}]: one matrix turns the ${inside} numbers of every patch into ${h.dim}${cls}.`,
      h.note || `[${h.tokens}, ${h.dim}]: a learned vector for every place is added. Only this tells the model where a patch was.`,
    ];
    this.root.querySelector(".steps-words").textContent = words[step];
    this.canvas.setAttribute("aria-label", `${TITLES[step]}: ${words[step]}`);
    this.root.dataset.step = step + 1;
    this.root.dataset.tokens = count;
  }

  schedule() {
    if (this.due) return;
    this.due = true;
    requestAnimationFrame((now) => {
      this.due = false;
      if (!this.header || !this.root.isConnected) return;
      if (this.share < 1) {
        this.share = Math.min(1, (performance.now() - this.began) / MOVE_MS);
        this.schedule();
      }
      this.draw();
    });
  }

  // Where patch i stands in a step: [x, y, side]
  place(step, i) {
    const { w, h, side, count } = this;
    const row = Math.floor(i / side), column = i % side;
    if (step <= 1) {
      const gap = step ? Math.max(3, 24 / side) : 0;
      const unit = (h - 2 - gap * (side - 1)) / side;
      const left = (w - h) / 2;
      return [left + column * (unit + gap), 1 + row * (unit + gap), unit];
    }
    if (step === 2) {
      const lines = count <= 16 ? 1 : count <= 64 ? 2 : count <= 256 ? 4 : 8;
      const per = Math.ceil(count / lines), pitch = Math.min(w / per, h / lines, 120);
      const left = (w - pitch * per) / 2, top = (h - pitch * 1.25 * lines) / 2;
      return [left + (i % per) * pitch, top + Math.floor(i / per) * pitch * 1.25, pitch * 0.9];
    }
    const high = h / (count + this.first);
    return [0, (i + this.first) * high, Math.min(high, 22)];
  }

  panels() {
    const left = 30, gap = 34, wide = (this.w - left - 2 * gap) / 3;
    return this.step === 3 ? [[left, this.w - left]] : [0, 1, 2].map((i) => [left + i * (wide + gap), wide]);
  }

  draw() {
    const { text, font } = colouring(this.root);
    this.w = Math.max(200, this.canvas.clientWidth);
    this.h = this.canvas.clientHeight - 24;
    const p = new CanvasPainter(this.canvas, this.w, this.h + 24);
    const ease = this.share * this.share * (3 - 2 * this.share);
    const { header: h } = this;
    const known = h.tokens > 0;
    const limit = (s) => (known ? s : Math.min(s, 2)); // without a model's tokens the sequence stays
    for (let i = 0; i < this.count; i++) {
      const a = this.place(limit(this.from), i), b = this.place(limit(this.step), i);
      const [x, y, unit] = a.map((v, k) => v + (b[k] - v) * ease);
      const column = i % this.side, row = Math.floor(i / this.side);
      p.pixels(this.picture, column * h.patch, row * h.patch, h.patch, h.patch, x, y, unit, unit);
      if (i === this.hover) {
        p.rect(x, y, unit, unit, { stroke: "#000", line: 4 });
        p.rect(x, y, unit, unit, { stroke: "#fff", line: 2 });
      }
    }
    if (this.step < 3 || !known) return;
    p.ctx.globalAlpha = this.from < 3 ? ease : 1;
    const shown = this.step === 3 ? [0] : [0, 1, 2];
    const names = this.step === 3 ? ["projected patches"] : ["projected patches", "positions", "what the first block reads"];
    const type = { font, size: 13, colour: text };
    this.panels().forEach(([x, wide], i) => {
      p.pixels(this.strips[shown[i]], 0, 0, h.dim, h.tokens, x, 0, wide, this.h);
      const end = `, ${h.dim} numbers, −${h.limit.toFixed(1)} (violet) to ${h.limit.toFixed(1)} (orange)`;
      p.text(names[i] + (wide > 500 ? end : ""), x, this.h + 13, type);
      if (i) p.text(i === 1 ? "+" : "=", x - 17, this.h / 2, { ...type, size: 22, align: "center" });
      const high = this.h / h.tokens;
      if (this.hover !== null) p.rect(x, (this.hover + this.first) * high, wide, high, { stroke: text, line: 1.5 });
    });
    p.ctx.globalAlpha = 1;
  }

  under(px, py) {
    if (!this.header || !this.h || py > this.h) return null;
    if (this.step >= 3 && this.header.tokens) {
      const token = Math.floor((py / this.h) * this.header.tokens) - this.first;
      return token >= 0 && token < this.count ? token : null;
    }
    for (let i = 0; i < this.count; i++) {
      const [x, y, unit] = this.place(Math.min(this.step, 2), i);
      if (px >= x && px < x + unit && py >= y && py < y + unit) return i;
    }
    return null;
  }

  point(patch) {
    if (patch === this.hover) return;
    this.hover = patch;
    const words = patch === null ? "" : `Patch ${patch + 1}: row ${Math.floor(patch / this.side) + 1}, column ${(patch % this.side) + 1}.`;
    this.root.querySelector(".steps-hover").textContent = words;
    this.schedule();
  }
}

// [T, D] as one pixel a number
function strip(canvas, values, { tokens, dim, limit }, colours) {
  canvas.width = Math.max(1, dim);
  canvas.height = Math.max(1, tokens);
  if (!tokens) return;
  const data = canvas.getContext("2d").createImageData(dim, tokens);
  const pixels = new Uint32Array(data.data.buffer);
  values.forEach((v, i) => (pixels[i] = colours[shade(v, limit, true)]));
  canvas.getContext("2d").putImageData(data, 0, 0);
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".steps");
  root.stepper ??= new Stepper(root);
  root.stepper.take(data);
}
