// Pointer and keyboard input of the explorer.

import { hasCls, neighborOf } from "../shared/tokens.js";
import { onTheme } from "../shared/theme.js";
import { preventTouchMenu } from "../shared/touch.js";
import { copyLink, saveView } from "./files.js";
import { maskText, paintBrush } from "./mask.js";
import { cellUnder } from "./grid.js";
import { dotUnder } from "./scene.js";

const SERVER_STATES = ["content", "over"]; // these need other values from the server
const TYPED = /^(INPUT|TEXTAREA|SELECT)$/;

// Return the position of the pointer in an element, in pixels, and the width of the element.
function pointerIn(event, element) {
  const box = element.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top, box.width];
}

// Return the index of the square under the pointer, in an element of count x count squares.
function squareUnder(event, element, count) {
  const [px, py, width] = pointerIn(event, element);
  const index = (v) => Math.max(0, Math.min(count - 1, Math.floor((v / width) * count)));
  return index(py) * count + index(px);
}

export class Input {
  constructor(explorer) {
    this.explorer = explorer;
    this.actions = {
      cls: () => this.toggleToken(0),
      token: (button) => this.toggleToken(Number(button.dataset.token)),
      rollout: () => explorer.set({ map: explorer.state.map === "rollout" ? "head" : "rollout" }),
      overlay: () => explorer.set({ overlay: !explorer.state.overlay }),
      brush: () => explorer.brush(!explorer.brushing),
      clear: () => this.clearMask(),
      undo: () => this.undoStroke(),
      play: () => explorer.play(!explorer.playing),
      link: () => copyLink(explorer.root, explorer.header),
      png: () => saveView(explorer, "png"),
      svg: () => saveView(explorer, "svg"),
      file: () => explorer.ask("file"),
    };
    this.listenToImage(explorer.canvas.image);
    this.listenToCells(explorer.canvas);
    for (const element of explorer.canvas.large) this.listenToLarge(element);
    this.listenToControls(explorer.root);
    new ResizeObserver(() => explorer.schedule()).observe(explorer.root);
    onTheme(explorer.root, () => explorer.schedule());
    preventTouchMenu(explorer.root);
  }

  // Add a listener that does nothing until the first frame has arrived.
  on(element, type, act) {
    element.addEventListener(type, (event) => this.explorer.frame && act(event));
  }

  listenToImage(image) {
    const { explorer } = this;
    const tokenUnder = (event) => squareUnder(event, image, explorer.header.side) + explorer.header.first;
    this.on(image, "pointermove", (event) => {
      if (explorer.painting) return this.paint(event, image);
      const token = explorer.brushing ? null : tokenUnder(event);
      if (token !== explorer.hoveredToken) explorer.point({ hoveredToken: token });
    });
    this.on(image, "pointerleave", () => explorer.point({ hoveredToken: null }));
    this.on(image, "pointerdown", (event) => {
      if (!explorer.brushing) return explorer.point({ hoveredToken: tokenUnder(event) }); // a resting finger
      explorer.strokes.keep(explorer.mask, explorer.header.stem);
      explorer.painting = true;
      image.setPointerCapture(event.pointerId);
      this.paint(event, image);
    });
    for (const end of ["pointerup", "pointercancel"]) this.on(image, end, () => this.endPainting());
    this.on(image, "click", (event) => {
      if (!explorer.brushing) explorer.pin(tokenUnder(event));
    });
  }

  // Listen to the maps of the grid and the dots of the plot. Both stand for a layer and a head.
  listenToCells({ grid, plot }) {
    const { explorer } = this;
    const hitTests = new Map([
      [grid, (event) => cellUnder(explorer.plan, ...pointerIn(event, grid))],
      [plot, (event) => dotUnder(explorer.plot, explorer.header, ...pointerIn(event, plot))],
    ]);
    const point = (cell) => {
      const same = cell?.r === explorer.hoveredCell?.r && cell?.c === explorer.hoveredCell?.c;
      if (!same) explorer.point({ hoveredCell: cell });
    };
    for (const [element, cellOf] of hitTests) {
      for (const type of ["pointermove", "pointerdown"]) {
        this.on(element, type, (event) => point(cellOf(event)));
      }
      this.on(element, "pointerleave", () => point(null));
      this.on(element, "click", (event) => {
        const cell = cellOf(event);
        if (cell) explorer.set({ layer: cell.r, head: cell.c, map: "head" });
      });
    }
  }

  listenToLarge(element) {
    const { explorer } = this;
    for (const type of ["pointermove", "pointerdown"]) {
      this.on(element, type, (event) => {
        explorer.point({ hoveredPatch: squareUnder(event, element, explorer.header.side) });
      });
    }
    this.on(element, "pointerleave", () => explorer.point({ hoveredPatch: null }));
  }

  listenToControls(root) {
    const { explorer } = this;
    this.on(root, "click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      if (button.dataset.do) return this.actions[button.dataset.do](button);
      const name = button.closest("[data-state]").dataset.state;
      explorer.set({ [name]: button.dataset.value || null }, { ask: SERVER_STATES.includes(name) });
    });
    this.on(root.querySelector(".xp-order select"), "change", (event) => {
      explorer.set({ order: event.target.value }, { ask: !explorer.header.behavior });
    });
    this.on(root.querySelector(".xp-scrub input"), "input", (event) => {
      const { step } = explorer.header.snapshots[Number(event.target.value)];
      explorer.play(false);
      explorer.set({ snapshot: step }, { ask: true });
    });
  }

  // Choose a token before the patches, or unpin it.
  toggleToken(token) {
    const { state, header } = this.explorer;
    const query = state.query === token ? null : token;
    this.explorer.set({ query, second: null }, { ask: header.only !== null });
  }

  paint(event, image) {
    const { mask, header } = this.explorer, [px, py, width] = pointerIn(event, image);
    paintBrush(mask, header.size, px / width, py / width);
    this.explorer.schedule();
  }

  endPainting() {
    const { explorer } = this;
    if (!explorer.painting) return;
    explorer.painting = false;
    explorer.set({ mask: maskText(explorer.mask, explorer.header.stem) }, { ask: true });
  }

  clearMask() {
    const { explorer } = this;
    explorer.strokes.keep(explorer.mask, explorer.header.stem);
    explorer.mask.fill(0);
    explorer.set({ mask: null }, { ask: true });
  }

  undoStroke() {
    const { explorer } = this, { stem } = explorer.header;
    const mask = explorer.painting ? null : explorer.strokes.undo(stem);
    if (!mask) return;
    explorer.mask = mask;
    explorer.set({ mask: maskText(mask, stem) }, { ask: true });
  }

  // Handle keys while the pointer is over the explorer or the focus is in it. The listener captures them,
  // because Streamlit has shortcuts for `r` and `c`.
  press(event) {
    const { root, header, frame } = this.explorer, focused = document.activeElement;
    if (!frame || event.altKey || TYPED.test(focused?.tagName)) return;
    if (!root.matches(":hover") && !root.contains(focused)) return;
    if (header.talk && event.key.startsWith("Arrow")) return; // they move to another step of the talk
    if (header.talk && !header.standalone && event.key === "Escape") return; // it leaves the talk
    const act = event.ctrlKey || event.metaKey ? this.undoAction(event) : this.keyAction(event.key);
    if (!act) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    this.explorer.hoveredCell = null;
    act();
  }

  // Return the action of a key with Ctrl or Command. Only Z has one, if there is a stroke to undo.
  undoAction(event) {
    const { strokes, header } = this.explorer;
    const isUndo = event.key.toLowerCase() === "z" && !event.shiftKey;
    return isUndo && strokes.canUndo(header.stem) ? this.actions.undo : null;
  }

  keyAction(key) {
    const { explorer, actions } = this, { header, state } = explorer;
    const cycle = (name, by, count) => {
      explorer.set({ [name]: (state[name] + by + count + 1) % (count + 1), map: "head" });
    };
    const keys = {
      ArrowLeft: () => this.move(-1, 0),
      ArrowRight: () => this.move(1, 0),
      ArrowUp: () => this.move(0, -1),
      ArrowDown: () => this.move(0, 1),
      "[": () => cycle("layer", -1, header.layers),
      "]": () => cycle("layer", 1, header.layers),
      ",": () => cycle("head", -1, header.heads),
      ".": () => cycle("head", 1, header.heads),
      c: () => hasCls(header) && explorer.set({ query: 0, second: null }, { ask: header.only !== null }),
      r: () => header.only === null && actions.rollout(),
      o: actions.overlay,
      b: () => header.standalone || actions.brush(),
      Escape: () => explorer.clear(),
    };
    return Object.hasOwn(keys, key) ? keys[key] : null;
  }

  move(dx, dy) {
    const { header, state } = this.explorer, query = neighborOf(state.query, dx, dy, header);
    const second = query === state.second ? null : state.second;
    this.explorer.hoveredToken = null;
    this.explorer.set({ query, second }, { ask: header.only !== null });
  }
}
