// Two explorers side by side and their difference. Hovering needs no server. The server computes other
// snapshots. `host.ask(text)` sends it a request with the state. The state counts tokens, layers and heads as
// the left model does.

import { differenceOf, frameCache, Maps, rolloutMap } from "../explorer/frames.js";
import { addressOf, readState, stateText } from "../explorer/state.js";
import { GridArea } from "../explorer/grid_area.js";
import { AttentionView } from "../explorer/view.js";
import { parseWhole } from "../shared/address.js";
import { colorTable, decodeBase64 } from "../shared/colors.js";
import { whileMounted } from "../shared/lifetime.js";
import { createCanvas } from "../shared/paint.js";
import { themeColors } from "../shared/theme.js";
import { mount } from "../shared/view.js";
import { unpackPair } from "./data.js";
import {
  commonHeader,
  defaultTokens,
  partnerCell,
  partnerToken,
  sameGrid,
  sentTokens,
  sharedMaxima,
  subtract,
  whyNoDifference,
} from "./difference.js";
import { PairInput } from "./input.js";
import { showPairControls, showPairTexts } from "./panels.js";
import { paintPair } from "./view.js";

// `state` is that of explorer/state.js, and rightSnapshot: a step, "best", or null for the first one
class Pair extends AttentionView {
  header = null;
  sides = null; // the headers of the left and the right side
  images = null;
  frames = null;
  cache = frameCache();

  // under the pointer; `hoveredCell` is { side, r, c }
  hovered = null; // the token: { side, token }
  hoveredPatch = null; // the patch of a large map: { side, patch }

  // what is drawn, for each side
  tokens = [];
  cells = []; // the layer and the head of the large maps, null if a model lacks them
  maps = null;
  maxima = []; // for each cell, the value with the brightest color
  values = []; // of the large maps, null if there is none
  // of the difference
  why = ""; // there is none
  common = null; // header
  difference = null; // maps
  differenceMaxima = null;
  largeDifference = null; // values
  limits = [1, 1, 1]; // of the large maps, and of their difference
  sheets = [0, 1, 2].map(() => createCanvas(1, 1));
  pictures = [0, 1].map(() => createCanvas(1, 1));
  large = [0, 1, 2].map(() => createCanvas(1, 1));

  constructor(root) {
    super(root);
    this.sections = [...root.querySelectorAll("section")];
    this.grids = this.sections.map((section) =>
      new GridArea(section.querySelector(".pair-scroll"), section.querySelector(".pair-grid"))
    );
    this.input = new PairInput(this);
  }

  // Show new data from the server.
  update(bytes) {
    whileMounted(this.root, (signal) => this.attach(signal));
    const { header, images, frames } = unpackPair(bytes);
    frames.forEach((frame, i) => frame && this.cache.put(header.sides[i].key, frame));
    const [left, right] = header.sides.map(({ shape }, i) => this.sides?.[i].shape !== shape);
    if (left || right) {
      this.hovered =
        this.hoveredPatch =
        this.hoveredCell =
        this.maps =
          null; // of other tokens
    }
    const start = this.sides?.[0].startLayer;
    Object.assign(this, { header, images, sides: header.sides });
    this.sides[0].startLayer = Math.min(...this.sides.map(({ layers }) => layers)) - 1; // the last of both
    this.root.classList.toggle("standalone", Boolean(header.standalone)); // hides what needs the server
    this.state = this.state && !left ? this.keptState(start) : this.readAddress();
    this.frames = this.sides.map(({ key }) => this.cache.get(key) ?? null);
    this.root.classList.toggle("waiting", !this.ready);
    if (!this.ready) return this.ask("need");
    this.colors = colorTable(decodeBase64(header.colors));
    this.diverging = colorTable(decodeBase64(header.diverging));
    this.common = commonHeader(this.sides);
    if (!this.maps) {
      this.maps = this.sides.map((side) => new Maps(side));
      this.difference = new Maps(this.common);
    }
    this.showControls();
    this.schedule();
  }

  // The state in the address, or in the step of a talk.
  readAddress() {
    const search = this.header.address ?? window.location.search;
    const text = new URLSearchParams(search).get("right_snapshot");
    const rightSnapshot = text === "best" ? text : parseWhole(text);
    const state = { ...readState(search, this.sides[0]), rightSnapshot };
    return { ...state, ...this.validSnapshots(state) };
  }

  // The state after a change of the right side. A layer that was not chosen changes with it.
  keptState(start) {
    const layer = this.state.layer === start ? this.sides[0].startLayer : this.state.layer;
    return { ...this.state, layer, ...this.validSnapshots() };
  }

  // Both snapshots, or null for those that the runs do not have.
  validSnapshots(state = this.state) {
    const exists = (side, step) => this.sides[side].snapshots.some((one) => one.step === step);
    const right = state.rightSnapshot === "best" || exists(1, state.rightSnapshot);
    return {
      snapshot: exists(0, state.snapshot) ? state.snapshot : null,
      rightSnapshot: right ? state.rightSnapshot : null,
    };
  }

  showControls() {
    showPairControls(this.root, this);
  }

  get ready() {
    return Boolean(this.frames?.every(Boolean));
  }

  // Whether the server sends the weights of one token at a time, because a side has too many of them.
  get onDemand() {
    return this.sides.some(({ only }) => only !== null);
  }

  // Choose a token of the left side, or none.
  choose(query) {
    this.set({ query }, { ask: this.onDemand });
  }

  parameters() {
    if (!this.header || this.header.address !== undefined) return null;
    const { rightSnapshot } = this.state;
    const right = rightSnapshot === null ? null : String(rightSnapshot);
    return { ...addressOf(this.state, this.sides[0]), right_snapshot: right };
  }

  ask(kind) {
    const { rightSnapshot } = this.state;
    const right = rightSnapshot === null ? [] : [["right_snapshot", String(rightSnapshot)]];
    this.host.ask(`${kind}?${new URLSearchParams([...stateText(this.state, this.sides[0]), ...right])}`);
  }

  draw() {
    this.theme = themeColors(this.root);
    this.type = { font: this.theme.font };
    this.compute();
    paintPair(this);
    showPairTexts(this.root, this);
  }

  // The token of each side that is chosen, or null.
  get pinned() {
    const { query } = this.state, [left, right] = this.sides;
    return [query, partnerToken(query, left, right)];
  }

  // The tokens that both sides show: under the pointer, or else the chosen one.
  get shownTokens() {
    if (this.onDemand) return sentTokens(this.sides, this.pinned);
    if (this.hovered) return this.onBothSides(this.hovered.side, this.hovered.token, partnerToken);
    return this.state.query === null ? defaultTokens(this.sides) : this.pinned;
  }

  // The layer and the head of both sides: under the pointer, or else the chosen ones.
  get shownCells() {
    const { side, r, c } = this.hoveredCell ?? { side: 0, r: this.state.layer, c: this.state.head };
    return this.onBothSides(side, { r, c }, partnerCell);
  }

  // The patch of both large maps under the pointer, or null.
  get shownPatches() {
    if (!this.hoveredPatch) return null;
    const { side, patch } = this.hoveredPatch;
    const tokens = this.onBothSides(side, patch + this.sides[side].first, partnerToken);
    return tokens.map((token, i) => token - this.sides[i].first);
  }

  // Return what the sides have of something that is known for one of them.
  onBothSides(side, known, partner) {
    return [0, 1].map((i) => (i === side ? known : partner(known, this.sides[side], this.sides[i])));
  }

  compute() {
    const { sides, state, frames, maps } = this;
    this.rollout = state.map === "rollout" && !this.hoveredCell && !this.onDemand;
    this.tokens = this.shownTokens;
    this.cells = this.shownCells;
    maps.forEach((one, i) => this.tokens[i] !== null && one.read(frames[i], this.tokens[i], state.direction));
    this.why = whyNoDifference(sides, this.tokens);
    if (!this.why) subtract(this.difference, maps, sides);
    this.maxima = sharedMaxima(sides, maps, state.scale);
    this.differenceMaxima = this.difference.maxima(state.scale);
    this.values = maps.map((one, i) => {
      const token = this.tokens[i], cell = this.cells[i];
      if (token === null || (!this.rollout && !cell)) return null;
      return this.rollout ? rolloutMap(frames[i], token) : one.map(cell.r, cell.c);
    });
    const [a, b] = this.values;
    this.largeDifference = !this.why && a && b ? a.map((v, i) => differenceOf(v, b[i])) : null;
    const largest = (values) => (values ?? []).reduce((max, v) => Math.max(max, Math.abs(v)), 1e-9);
    const both = Math.max(largest(a), largest(b)),
      ends = sameGrid(sides) ? [both, both] : [a, b].map(largest);
    this.limits = [...ends, largest(this.largeDifference)];
    this.masses = maps.map((one, i) => {
      const cell = this.cells[i];
      return this.tokens[i] !== null && cell ? one.massesOf(cell.r, cell.c) : null;
    });
  }
}

export default function (element) {
  mount(element, ".pair", "pair", Pair);
}
