// The attention explorer. All hovering happens here; the server is asked only for what is not here yet: another
// snapshot, a painted image, positions alone. `host.ask(text)` asks, with the state along.

const ASKING = ["content", "over"]; // these need other numbers from the server
const BRUSH = 0.11; // the brush's width as a share of the image
const MEASURED = 600; // times of redraws kept for the benchmark

class Explorer {
  constructor(root, host) {
    Object.assign(this, { root, host, hover: null, over: null, pointed: null, brushing: false, painting: false });
    Object.assign(this, { state: null, header: null, frame: null, maps: null, playing: false, times: [] });
    this.sheet = canvasOf(1, 1);
    this.picture = canvasOf(1, 1);
    this.large = [canvasOf(1, 1), canvasOf(1, 1)];
    this.frames = shelf();
    this.find = (selector) => root.querySelector(selector);
    this.canvas = { image: ".xp-image", grid: ".xp-grid", plot: ".xp-plot", scale: ".xp-scale" };
    for (const name of Object.keys(this.canvas)) this.canvas[name] = this.find(this.canvas[name]);
    this.canvas.large = [...root.querySelectorAll(".xp-large canvas")];
    listen(this);
    this.keep();
  }

  // New data from the server, or the same again.
  take(bytes) {
    if (this.left.signal.aborted) this.keep(); // it is back on the page
    const { header, image, frame } = unpack(bytes);
    if (frame) this.frames.put(header.key, frame);
    const found = this.frames.get(header.key);
    const other = !this.header || this.header.shape !== header.shape;
    this.header = header;
    this.image = image;
    this.root.classList.toggle("alone", Boolean(header.alone)); // no server: nothing that needs new numbers
    if (other) this.maps = this.second = this.other = null;
    this.state = this.state && !other ? { ...this.state, ...this.answered(header) } : readState(header.address ?? window.location.search, header);
    if (header.only !== null) this.state.query = header.only === header.first - 1 ? null : header.only;
    if (!this.painting) this.mask = maskBits(this.state.mask, header.stem, header.size ** 2);
    this.frame = found || null;
    this.root.classList.toggle("waiting", !found);
    if (!found) return this.ask("need");
    this.colours = table(bytesOf(header.colours));
    this.signs = table(bytesOf(header.signs));
    this.maps ??= new Maps(header);
    this.second ??= new Maps(header);
    this.other ??= new Maps(header);
    furnish(this);
    this.schedule();
    if (this.playing) this.next();
  }

  // Without a query chosen: CLS, or the patch in the middle.
  get resting() {
    const { first, side } = this.header;
    return first ? 0 : Math.floor(side / 2) * side + Math.floor(side / 2);
  }

  get shown() {
    return this.header.only ?? this.hover ?? this.state.query ?? this.resting;
  }

  // A and B are both on the page: the grid shows their difference, unless the pointer asks for one token.
  get comparing() {
    return this.state.second !== null && this.hover === null && this.header.only === null;
  }

  set(changes, { ask = false } = {}) {
    Object.assign(this.state, changes);
    this.note();
    furnish(this);
    this.schedule();
    if (ask) this.request();
  }

  // The address holds the state, unless it was given another one: in a talk, or in a file without a server.
  note() {
    if (this.header.address === undefined) writeState(this.state, this.header);
  }

  // At most one question under way, and the last one is always put.
  request() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask("look"), 40);
  }

  ask(kind) {
    this.host.ask(`${kind}?${new URLSearchParams(stateText(this.state, this.header))}`);
  }

  // What cannot outlive a change of image or run.
  answered(header) {
    const gone = !header.snapshots.some((s) => s.step === this.state.snapshot);
    const mask = this.state.mask?.startsWith(`${header.stem}.`) ? this.state.mask : null;
    return { mask, snapshot: gone ? null : this.state.snapshot };
  }

  // What hangs on the window, until the page is left. Streamlit writes the address too, and knows of nothing that was
  // only pinned: it is written again.
  keep() {
    const page = window.location.pathname;
    const leave = (this.left = new AbortController());
    const timer = setInterval(() => {
      if (!this.root.isConnected) {
        leave.abort();
        clearInterval(timer);
      } else if (this.header && window.location.pathname === page) this.note();
    }, 400);
    window.addEventListener("keydown", (event) => this.press(event), { capture: true, signal: leave.signal });
    window.addEventListener("popstate", () => {
      if (!this.header || this.header.address !== undefined) return;
      this.state = readState(window.location.search, this.header);
      this.set({}, { ask: true });
    }, { signal: leave.signal });
  }

  schedule() {
    if (this.due) return;
    this.due = true;
    requestAnimationFrame(() => {
      this.due = false;
      if (!this.frame || !this.root.isConnected) return;
      const begin = performance.now();
      this.draw();
      this.times.push(performance.now() - begin);
      if (this.times.length > MEASURED) this.times.shift();
    });
  }

  pin(token) {
    const { query, second } = this.state;
    const large = this.header.only !== null;
    if (query === null || large) return this.set({ query: token, second: null }, { ask: large });
    if (token === query) return this.set({ query: second, second: null });
    this.set({ second: token === second ? null : token });
  }

  clear() {
    this.hover = this.over = null;
    this.set({ query: null, second: null }, { ask: this.header.only !== null });
  }

  // The next snapshot, once the last one is on the screen.
  next() {
    clearTimeout(this.player);
    this.player = setTimeout(() => {
      if (!this.playing || !this.root.isConnected) return;
      const at = this.header.snapshots.findIndex((s) => s.step === this.state.snapshot);
      const last = this.header.snapshots.length - 1;
      if (at === last) return play(this, false);
      this.set({ snapshot: this.header.snapshots[at + 1].step }, { ask: true });
    }, 700);
  }

  // A row of the rollout as a map over the patches.
  rolled(token) {
    const { tokens, first } = this.header;
    return this.frame.rollout.subarray(token * tokens + first, (token + 1) * tokens);
  }

  draw() {
    const { header, state, frame, maps } = this;
    this.look = colouring(this.root);
    this.type = { font: this.look.font };
    maps.read(frame, this.shown, state.direction);
    let grid = maps;
    if (this.comparing) {
      this.second.read(frame, state.second, state.direction);
      grid = this.other.minus(maps, this.second);
    }
    this.shownMaps = grid;
    this.tops = grid.tops(state.scale);
    const signed = this.comparing;
    paintSheet(this.sheet, grid, header.side, this.tops, signed ? this.signs : this.colours, signed);

    const cell = this.over ?? { r: state.layer, c: state.head };
    const rollout = state.map === "rollout" && !this.over;
    const one = (m, token) => (rollout ? this.rolled(token) : m.map(cell.r, cell.c));
    const values = [one(maps, this.shown)];
    const twin = state.query !== null && (this.hover !== null ? this.hover !== state.query : state.second !== null);
    let tokens = [this.shown];
    if (twin) {
      const other = this.hover !== null ? state.query : state.second;
      this.second.read(frame, other, state.direction);
      values.push(one(this.second, other));
      tokens = [this.shown, other];
      if (this.hover !== null) values.reverse(), tokens.reverse(); // A stays on the left
    }
    const index = cell.r * maps.columns + cell.c;
    const own = Math.max(...values.map((v) => v.reduce((a, b) => Math.max(a, b), 1e-9)));
    const top = rollout || state.scale === "map" || signed ? own : Math.max(this.tops[index], own);
    Object.assign(this, { values, tokens, top, cell, rollout, twin });
    values.forEach((v, i) => paintMap(this.large[i], v, header.side, top, this.colours));
    const map = state.overlay ? values[values.length === 2 && this.hover !== null ? 1 : 0] : null;
    const colours = this.colours;
    paintImage(this.picture, this.image, header.size, this.mask, header.mean, map, header.side, top, colours, false);
    this.paint();
    describe(this);
  }

  paint() {
    const { canvas, header } = this;
    const box = (element) => Math.max(40, Math.floor(element.clientWidth));
    const side = box(canvas.image);
    drawPicture(new CanvasPainter(canvas.image, side, side), this, side);
    const room = this.find(".xp-scroll");
    const zoom = zoomOf();
    this.plan = gridPlan(this.maps, room.clientWidth / zoom, room.clientHeight / zoom, zoom);
    const [across, down] = [this.plan.width * zoom, this.plan.height * zoom];
    canvas.grid.style.width = `${across}px`;
    canvas.grid.style.height = `${down}px`;
    const grid = new CanvasPainter(canvas.grid, across, down);
    grid.ctx.scale(zoom, zoom);
    drawGrid(grid, { ...this, maps: this.shownMaps }, this.plan);
    canvas.large[1].hidden = !this.twin;
    this.values.forEach((_, i) => {
      const wide = box(canvas.large[i]);
      drawLarge(new CanvasPainter(canvas.large[i], wide, wide), this, this.large[i], wide, this.tokens[i], this.pointed);
    });
    const [w, h] = [box(canvas.plot), Math.max(90, canvas.plot.clientHeight)];
    this.plot = plotPlan(header, w, h);
    drawPlot(new CanvasPainter(canvas.plot, w, h), this, this.plot);
    drawScale(this);
  }
}

function paintMap(canvas, values, side, top, colours) {
  canvas.width = canvas.height = side;
  const data = canvas.getContext("2d").createImageData(side, side);
  const pixels = new Uint32Array(data.data.buffer);
  values.forEach((v, i) => (pixels[i] = colours[shade(v, top, false)]));
  canvas.getContext("2d").putImageData(data, 0, 0);
}

function drawScale(x) {
  const wide = Math.max(40, x.canvas.scale.clientWidth), bar = canvasOf(256, 1);
  const data = bar.getContext("2d").createImageData(256, 1);
  new Uint32Array(data.data.buffer).set(x.comparing ? x.signs : x.colours);
  bar.getContext("2d").putImageData(data, 0, 0);
  new CanvasPainter(x.canvas.scale, wide, 9).pixels(bar, 0, 0, 256, 1, 0, 0, wide, 9);
}

function play(x, on) {
  x.playing = on;
  furnish(x);
  if (!on) return clearTimeout(x.player);
  const { snapshots } = x.header;
  if (x.state.snapshot === null || x.state.snapshot === snapshots.at(-1).step) {
    x.set({ snapshot: snapshots[0].step }, { ask: true });
  } else x.next();
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".xp");
  root.explorer ??= new Explorer(root, { ask: () => {} });
  root.explorer.host = { ask: (text) => setTriggerValue("ask", text) };
  root.explorer.take(data);
}
