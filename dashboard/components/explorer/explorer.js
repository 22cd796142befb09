// The attention explorer. Hovering needs no server. The server computes other maps: of another snapshot, of a
// painted image, or of positions alone. `host.ask(text)` sends it a request with the state.

import { colorTable, decodeBase64, gradientOf, rootTable } from "../shared/colors.js";
import { whileMounted } from "../shared/lifetime.js";
import { CanvasPainter, createCanvas } from "../shared/paint.js";
import { themeColors, typeScale } from "../shared/theme.js";
import { defaultToken } from "../shared/tokens.js";
import { mount } from "../shared/view.js";
import { frameCache, imageCache, Maps, rolloutMap, unpack } from "./frames.js";
import { measureOf } from "./behavior.js";
import { GridArea } from "./grid_area.js";
import { Input } from "./input.js";
import { maskBits, Strokes } from "./mask.js";
import { showControls, showTexts } from "./panels.js";
import {
  drawLarge,
  drawPicture,
  drawPlot,
  drawPlotRings,
  drawScale,
  paintImage,
  paintMap,
  paintSheet,
  plotPlan,
} from "./scene.js";
import { addressOf, readState, stateText } from "./state.js";
import { AttentionView } from "./view.js";

const PLAY_MS = 700; // per snapshot

class Explorer extends AttentionView {
  // data from the server
  image = null; // Uint8Array [S, S, 3]
  frame = null; // weights and rollout
  frames = frameCache();
  images = imageCache();

  // under the pointer; `hoveredCell` is { r, c } of the grid or the plot
  hoveredToken = null; // of the image
  hoveredPatch = null; // of a large map

  brushing = false; // whether the brush is selected
  painting = false; // whether the pointer is painting
  mask = null; // 1 for each painted pixel
  strokes = new Strokes(); // to undo them
  used = { pinned: false, compared: false }; // what the visitor has done, for the hints
  playing = false;

  // what is drawn
  maps = null; // of A, or of the token under the pointer
  second = null; // maps of B
  difference = null; // maps of A minus B
  shownMaps = null; // in the grid
  maxima = null; // for each cell, the value with the brightest color
  scaleColors = null; // of the color scale of the grid
  cell = null; // shown in the large map: { r, c }
  rollout = false; // whether the large map shows the rollout instead of a cell
  showsTwoMaps = false; // whether two large maps are shown
  values = []; // of the large maps
  tokens = []; // of the large maps
  limits = []; // of the large maps, for each the value with the brightest color
  sheet = createCanvas(1, 1);
  picture = createCanvas(1, 1);
  dots = { canvas: createCanvas(1, 1), header: null, look: "" }; // of the plot
  large = [createCanvas(1, 1), createCanvas(1, 1)];

  constructor(root) {
    super(root);
    this.canvas = {
      image: this.find(".xp-image"),
      grid: this.find(".xp-grid"),
      plot: this.find(".xp-plot"),
      scale: this.find(".xp-scale"),
      large: [...root.querySelectorAll(".xp-large canvas")],
    };
    this.grid = new GridArea(this.find(".xp-scroll"), this.canvas.grid);
    this.input = new Input(this);
  }

  // Show new data from the server.
  update(bytes) {
    whileMounted(this.root, (signal) => this.attach(signal));
    const { header, image, frame } = unpack(bytes);
    if (frame) this.frames.put(header.key, frame);
    if (image) this.images.put(header.image, image);
    const cached = this.frames.get(header.key);
    const reshaped = !this.header || this.header.shape !== header.shape;
    this.header = header;
    this.image = this.images.get(header.image) ?? null;
    this.root.classList.toggle("standalone", Boolean(header.standalone)); // hides what needs the server
    if (reshaped) this.maps = this.second = this.difference = null;
    if (this.state && !reshaped) Object.assign(this.state, this.validState(header));
    else this.state = this.readAddress();
    if (header.only !== null) this.state.query = header.only === defaultToken(header) ? null : header.only;
    if (!this.painting) this.mask = maskBits(this.state.mask, header.stem, header.size ** 2);
    this.frame = (this.image && cached) || null;
    this.root.classList.toggle("waiting", !this.frame);
    if (!this.frame) return this.ask("need");
    this.colors = colorTable(decodeBase64(header.colors));
    this.diverging = colorTable(decodeBase64(header.diverging));
    this.maps ??= new Maps(header);
    this.second ??= new Maps(header);
    this.difference ??= new Maps(header);
    this.showControls();
    this.schedule();
    if (this.playing) this.scheduleNextSnapshot();
  }

  // The token whose maps are shown.
  get shown() {
    return this.header.only ?? this.hoveredToken ?? this.state.query ?? defaultToken(this.header);
  }

  // Whether the grid shows A minus B. While the pointer is on a token, the grid shows that token.
  get comparing() {
    return this.state.second !== null && this.hoveredToken === null && this.header.only === null;
  }

  showControls() {
    showControls(this.root, this);
  }

  brush(on) {
    this.brushing = on;
    this.showControls();
    this.point({ hoveredToken: null });
  }

  readAddress() {
    return readState(this.header.address ?? window.location.search, this.header);
  }

  get ready() {
    return Boolean(this.frame);
  }

  parameters() {
    return this.header && this.header.address === undefined ? addressOf(this.state, this.header) : null;
  }

  ask(kind) {
    this.host.ask(`${kind}?${new URLSearchParams(stateText(this.state, this.header))}`);
  }

  // The mask and the snapshot, or null if they do not belong to the new image or run.
  validState(header) {
    const exists = header.snapshots.some((s) => s.step === this.state.snapshot);
    const mask = this.state.mask?.startsWith(`${header.stem}.`) ? this.state.mask : null;
    return { mask, snapshot: exists ? this.state.snapshot : null };
  }

  // Pin a token as A or as B, or unpin it.
  pin(token) {
    const { query, second } = this.state;
    const onDemand = this.header.only !== null;
    this.used.pinned = true;
    if (query === null || onDemand) {
      return this.set({ query: token, second: null }, { ask: onDemand, now: true });
    }
    if (token === query) return this.set({ query: second, second: null });
    this.used.compared = true;
    this.set({ second: token === second ? null : token });
  }

  clear() {
    this.hoveredToken = this.hoveredCell = null;
    this.set({ query: null, second: null }, { ask: this.header.only !== null });
  }

  // Play the snapshots from the current one, or from the first if the last is shown.
  play(on) {
    this.playing = on;
    this.showControls();
    if (!on) return clearTimeout(this.playTimer);
    const { snapshots } = this.header;
    if (this.state.snapshot !== null && this.state.snapshot !== snapshots.at(-1).step) {
      return this.scheduleNextSnapshot();
    }
    this.set({ snapshot: snapshots[0].step }, { ask: true });
  }

  // Called when a snapshot is on the screen: show the next one after a moment.
  scheduleNextSnapshot() {
    clearTimeout(this.playTimer);
    this.playTimer = setTimeout(() => {
      if (!this.playing || !this.root.isConnected) return;
      const index = this.header.snapshots.findIndex((s) => s.step === this.state.snapshot);
      const last = this.header.snapshots.length - 1;
      if (index === last) return this.play(false);
      this.set({ snapshot: this.header.snapshots[index + 1].step }, { ask: true });
    }, PLAY_MS);
  }

  draw() {
    this.theme = themeColors(this.root);
    this.type = { font: this.theme.font };
    this.computeMaps();
    this.chooseLargeMaps();
    this.paint();
    showTexts(this.root, this.canvas, {
      ...this,
      shown: this.shown,
      comparing: this.comparing,
      maps: this.shownMaps,
      gradient: gradientOf(this.colors),
    });
  }

  // Compute the maps of the grid (of one token, or A minus B) and the sheet with their pixels.
  computeMaps() {
    const { header, state, frame, maps, comparing } = this;
    maps.read(frame, this.shown, state.direction);
    this.shownMaps = maps;
    if (comparing) {
      this.second.read(frame, state.second, state.direction);
      this.shownMaps = this.difference.minus(maps, this.second);
    }
    this.maxima = this.shownMaps.maxima(state.scale);
    const colors = comparing ? this.diverging : this.colors, root = state.scale === "root";
    paintSheet(this.sheet, this.shownMaps, header.side, this.maxima, colors, comparing, root);
    this.scaleColors = root ? rootTable(colors, comparing) : colors;
  }

  // Choose the one or two large maps, and the map over the image.
  chooseLargeMaps() {
    const { header, state, frame, maps, hoveredToken } = this;
    const cell = this.hoveredCell ?? { r: state.layer, c: state.head };
    const rollout = state.map === "rollout" && !this.hoveredCell;
    const mapOf = (m, token) => (rollout ? rolloutMap(frame, token) : m.map(cell.r, cell.c));
    const values = [mapOf(maps, this.shown)], tokens = [this.shown];
    const other = hoveredToken !== null ? state.query : state.second; // A and the pointer, or A and B
    const showsTwoMaps = state.query !== null && other !== null && other !== hoveredToken;
    if (showsTwoMaps) {
      this.second.read(frame, other, state.direction);
      values.push(mapOf(this.second, other));
      tokens.push(other);
      if (hoveredToken !== null) { // A stays on the left
        values.reverse();
        tokens.reverse();
      }
    }
    const limits = values.map((v) => v.reduce((a, b) => Math.max(a, b), 1e-9));
    Object.assign(this, { values, tokens, limits, cell, rollout, showsTwoMaps });
    values.forEach((v, i) => paintMap(this.large[i], v, header.side, limits[i], this.colors));
    const over = values.length === 2 && hoveredToken !== null ? 1 : 0;
    const map = state.overlay ? values[over] : null;
    paintImage(this.picture, this.image, header, this.mask, map, limits[over], header.tint);
  }

  // Draw on the canvases of the page.
  paint() {
    const { canvas, header } = this, zoom = typeScale();
    const widthOf = (element) => Math.max(40, Math.floor(element.clientWidth));
    const side = widthOf(canvas.image);
    drawPicture(new CanvasPainter(canvas.image, side, side), this, side, zoom);
    this.grid.draw({ ...this, maps: this.shownMaps }, zoom, measureOf(this));
    canvas.large[1].hidden = !this.showsTwoMaps;
    this.values.forEach((_, i) => {
      const width = widthOf(canvas.large[i]), p = new CanvasPainter(canvas.large[i], width, width);
      drawLarge(p, header, this.large[i], width, this.tokens[i], this.hoveredPatch);
    });
    this.paintPlot(widthOf(canvas.plot), Math.max(90, canvas.plot.clientHeight), zoom);
    const width = Math.max(40, canvas.scale.clientWidth);
    drawScale(new CanvasPainter(canvas.scale, width, 9), this.scaleColors, width, 9);
  }

  // The layout of the grid.
  get plan() {
    return this.grid.plan;
  }

  // Draw the plot. Its dots are kept on a canvas: those of 144 heads would take longer than all maps.
  paintPlot(w, h, zoom) {
    const { header, theme, canvas } = this, ratio = window.devicePixelRatio || 1;
    const font = `${theme.font} ${document.fonts.status}`; // its text is drawn again when the font arrives
    const look = [w, h, zoom, ratio, theme.text, theme.background, font].join();
    if (this.dots.header !== header || this.dots.look !== look) {
      this.plot = plotPlan(header, w / zoom, h / zoom, zoom);
      const dots = new CanvasPainter(this.dots.canvas, w, h);
      dots.ctx.scale(zoom, zoom);
      drawPlot(dots, this, this.plot);
      Object.assign(this.dots, { header, look });
    }
    const plot = new CanvasPainter(canvas.plot, w, h), { width, height } = this.dots.canvas;
    plot.pixels(this.dots.canvas, 0, 0, width, height, 0, 0, w, h);
    plot.ctx.scale(zoom, zoom);
    drawPlotRings(plot, this, this.plot);
  }
}

export default function (element) {
  mount(element, ".xp", "explorer", Explorer);
}
