// The attention explorer. All hovering happens here; the server is asked only for what is not here yet:
// another snapshot, a painted image, positions alone. `host.ask(text)` asks, with the state along.

import { keepAddress, writeAddress } from "../shared/address.js";
import { colorTable, decodeBase64 } from "../shared/colors.js";
import { CanvasPainter, createCanvas } from "../shared/paint.js";
import { themeColors, typeScale } from "../shared/theme.js";
import { Maps, rolloutMap, shelf, unpack } from "./frames.js";
import { Input } from "./input.js";
import { maskBits } from "./mask.js";
import { showControls, showWords } from "./panels.js";
import {
  drawGrid,
  drawLarge,
  drawPicture,
  drawPlot,
  drawScale,
  gridPlan,
  paintImage,
  paintMap,
  paintSheet,
  plotPlan,
} from "./scene.js";
import { addressOf, readState, stateText } from "./state.js";

const ASK_MS = 40; // a question waits for the changes that follow at once
const PLAY_MS = 700; // a snapshot stays
const MEASURED = 600; // times of redraws kept for the benchmark

class Explorer {
  // from the server
  header = null;
  image = null; // Uint8Array [S, S, 3]
  frame = null; // weights and rollout
  frames = shelf();

  // what is looked at, and what is under the pointer: see `point`
  state = null;
  hover = null;
  over = null;
  pointed = null;

  brushing = false; // whether the pointer paints
  painting = false; // whether it does just now
  mask = null; // what is painted over
  playing = false;

  // what is drawn
  maps = null; // of A, or of the token under the pointer
  second = null; // of B
  other = null; // A minus B
  shownMaps = null; // of the grid
  tops = null; // the brightest value of each of these
  cell = null; // of the large map: { r, c }
  rollout = false; // instead of a cell
  twin = false; // whether two maps are large
  values = []; // of the large maps
  tokens = []; // that they belong to
  sheet = createCanvas(1, 1);
  picture = createCanvas(1, 1);
  large = [createCanvas(1, 1), createCanvas(1, 1)];
  times = []; // milliseconds of redraws

  constructor(root, host) {
    this.root = root;
    this.host = host;
    this.find = (selector) => root.querySelector(selector);
    this.canvas = {
      image: this.find(".xp-image"),
      grid: this.find(".xp-grid"),
      plot: this.find(".xp-plot"),
      scale: this.find(".xp-scale"),
      large: [...root.querySelectorAll(".xp-large canvas")],
    };
    this.input = new Input(this);
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
    this.root.classList.toggle("standalone", Boolean(header.standalone)); // no server: nothing that needs new numbers
    if (other) this.maps = this.second = this.other = null;
    if (this.state && !other) Object.assign(this.state, this.answered(header));
    else this.state = readState(header.address ?? window.location.search, header);
    if (header.only !== null) this.state.query = header.only === header.first - 1 ? null : header.only;
    if (!this.painting) this.mask = maskBits(this.state.mask, header.stem, header.size ** 2);
    this.frame = found || null;
    this.root.classList.toggle("waiting", !found);
    if (!found) return this.ask("need");
    this.colors = colorTable(decodeBase64(header.colors));
    this.signs = colorTable(decodeBase64(header.diverging));
    this.maps ??= new Maps(header);
    this.second ??= new Maps(header);
    this.other ??= new Maps(header);
    this.showControls();
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
    this.showControls();
    this.schedule();
    if (ask) this.request();
  }

  showControls() {
    showControls(this.root, this);
  }

  // What is under the pointer: `hover`, a token; `over`, a cell of the grid; `pointed`, a patch of the large
  // map.
  point(changes) {
    Object.assign(this, changes);
    this.schedule();
  }

  brush(on) {
    this.brushing = on;
    this.showControls();
    this.point({ hover: null });
  }

  // What stands in the address; nothing where the state was given: in a talk, or in a file without a server.
  address() {
    return this.header && this.header.address === undefined ? addressOf(this.state, this.header) : null;
  }

  note() {
    const address = this.address();
    if (address) writeAddress(address);
  }

  // At most one question under way, and the last one is always put.
  request() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask("look"), ASK_MS);
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

  // What hangs on the window, until the page is left.
  keep() {
    const leave = (this.left = new AbortController()), { signal } = leave;
    keepAddress(this.root, () => this.address(), () => leave.abort());
    window.addEventListener("keydown", (event) => this.input.press(event), { capture: true, signal });
    window.addEventListener("popstate", () => this.follow(), { signal });
  }

  // The browser's Back and Forward changed the address.
  follow() {
    if (!this.address()) return;
    this.state = readState(window.location.search, this.header);
    this.set({}, { ask: true });
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

  // Through the snapshots, from the first where the last is shown.
  play(on) {
    this.playing = on;
    this.showControls();
    if (!on) return clearTimeout(this.player);
    const { snapshots } = this.header;
    if (this.state.snapshot !== null && this.state.snapshot !== snapshots.at(-1).step) return this.next();
    this.set({ snapshot: snapshots[0].step }, { ask: true });
  }

  // The next snapshot, once the last one is on the screen.
  next() {
    clearTimeout(this.player);
    this.player = setTimeout(() => {
      if (!this.playing || !this.root.isConnected) return;
      const at = this.header.snapshots.findIndex((s) => s.step === this.state.snapshot);
      const last = this.header.snapshots.length - 1;
      if (at === last) return this.play(false);
      this.set({ snapshot: this.header.snapshots[at + 1].step }, { ask: true });
    }, PLAY_MS);
  }

  draw() {
    this.look = themeColors(this.root);
    this.type = { font: this.look.font };
    this.drawMaps();
    this.chooseLarge();
    this.paint();
    showWords(this.root, this.canvas, {
      ...this,
      shown: this.shown,
      comparing: this.comparing,
      maps: this.shownMaps,
    });
  }

  // The maps of the grid, or A's minus B's, and their sheet of pixels.
  drawMaps() {
    const { header, state, frame, maps, comparing } = this;
    maps.read(frame, this.shown, state.direction);
    this.shownMaps = maps;
    if (comparing) {
      this.second.read(frame, state.second, state.direction);
      this.shownMaps = this.other.minus(maps, this.second);
    }
    this.tops = this.shownMaps.tops(state.scale);
    const colors = comparing ? this.signs : this.colors;
    paintSheet(this.sheet, this.shownMaps, header.side, this.tops, colors, comparing);
  }

  // The one or two maps that are shown large, and the one over the image.
  chooseLarge() {
    const { header, state, frame, maps, hover } = this;
    const cell = this.over ?? { r: state.layer, c: state.head };
    const rollout = state.map === "rollout" && !this.over;
    const one = (m, token) => (rollout ? rolloutMap(frame, token) : m.map(cell.r, cell.c));
    const values = [one(maps, this.shown)], tokens = [this.shown];
    const other = hover !== null ? state.query : state.second; // the pointer beside A, or B beside A
    const twin = state.query !== null && other !== null && other !== hover;
    if (twin) {
      this.second.read(frame, other, state.direction);
      values.push(one(this.second, other));
      tokens.push(other);
      if (hover !== null) { // A stays on the left
        values.reverse();
        tokens.reverse();
      }
    }
    const own = Math.max(...values.map((v) => v.reduce((a, b) => Math.max(a, b), 1e-9)));
    const alone = rollout || state.scale === "map" || this.comparing;
    const top = alone ? own : Math.max(this.tops[cell.r * maps.columns + cell.c], own);
    Object.assign(this, { values, tokens, cell, rollout, twin });
    values.forEach((v, i) => paintMap(this.large[i], v, header.side, top, this.colors));
    const map = state.overlay ? values[values.length === 2 && hover !== null ? 1 : 0] : null;
    paintImage(this.picture, this.image, header, this.mask, map, top, this.colors);
  }

  // On the page's canvases.
  paint() {
    const { canvas, header } = this, zoom = typeScale(), room = this.find(".xp-scroll");
    const box = (element) => Math.max(40, Math.floor(element.clientWidth));
    const side = box(canvas.image);
    drawPicture(new CanvasPainter(canvas.image, side, side), this, side);
    this.plan = gridPlan(this.maps, room.clientWidth / zoom, room.clientHeight / zoom, zoom);
    const [across, down] = [this.plan.width * zoom, this.plan.height * zoom];
    canvas.grid.style.width = `${across}px`;
    canvas.grid.style.height = `${down}px`;
    const grid = new CanvasPainter(canvas.grid, across, down);
    grid.ctx.scale(zoom, zoom);
    drawGrid(grid, { ...this, maps: this.shownMaps }, this.plan);
    canvas.large[1].hidden = !this.twin;
    this.values.forEach((_, i) => {
      const wide = box(canvas.large[i]), p = new CanvasPainter(canvas.large[i], wide, wide);
      drawLarge(p, header, this.large[i], wide, this.tokens[i], this.pointed);
    });
    const [w, h] = [box(canvas.plot), Math.max(90, canvas.plot.clientHeight)];
    this.plot = plotPlan(header, w, h);
    drawPlot(new CanvasPainter(canvas.plot, w, h), this, this.plot);
    const wide = Math.max(40, canvas.scale.clientWidth), colors = this.comparing ? this.signs : this.colors;
    drawScale(new CanvasPainter(canvas.scale, wide, 9), colors, wide, 9);
  }
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".xp");
  root.explorer ??= new Explorer(root, { ask: () => {} });
  root.explorer.host = { ask: (text) => setTriggerValue("ask", text) };
  root.explorer.take(data);
}
