// Pointer and keyboard input of the explorer.

import { hasCls, neighborOf } from "../shared/tokens.js";
import { saveView } from "./files.js";
import { cellUnder } from "./grid.js";
import { copyLink } from "../shared/link.js";
import { maskText, paintBrush } from "./mask.js";
import { AttentionInput, pointerIn, squareUnder } from "./pointer.js";
import { dotUnder } from "./scene.js";

export class Input extends AttentionInput {
  constructor(explorer) {
    super(explorer, {
      cls: () => this.toggleToken(0),
      token: (button) => this.toggleToken(Number(button.dataset.token)),
      brush: () => explorer.brush(!explorer.brushing),
      clear: () => this.clearMask(),
      undo: () => this.undoStroke(),
      play: () => explorer.play(!explorer.playing),
      link: () => copyLink(explorer.root, explorer.header.own),
      png: () => saveView(explorer, "png"),
      svg: () => saveView(explorer, "svg"),
    });
    this.explorer = explorer;
    this.listenToImage(explorer.canvas.image);
    this.listenToCells(explorer.canvas);
    for (const element of explorer.canvas.large) this.listenToLarge(element);
    this.listenToControls(explorer.root);
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
      if (event.button) return; // the right one opens a menu, and no pointerup need follow
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
      this.track(element, (event) => point(cellOf(event)), () => point(null));
      this.on(element, "click", (event) => {
        const cell = cellOf(event);
        if (cell) explorer.set({ layer: cell.r, head: cell.c, map: "head" });
      });
    }
  }

  listenToLarge(element) {
    const { explorer } = this;
    const point = (patch) => explorer.point({ hoveredPatch: patch });
    this.track(
      element,
      (event) => point(squareUnder(event, element, explorer.header.side)),
      () => point(null),
    );
  }

  listenToControls(root) {
    const { explorer } = this;
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

  // Return the action of a key with Ctrl or Command. Only Z has one, if there is a stroke to undo.
  undoAction(event) {
    const { strokes, header } = this.explorer;
    const isUndo = event.key.toLowerCase() === "z" && !event.shiftKey;
    return isUndo && strokes.canUndo(header.stem) ? this.actions.undo : null;
  }

  get shape() {
    return this.explorer.header;
  }

  get keys() {
    const { explorer, actions } = this, { header } = explorer;
    return {
      c: () => hasCls(header) && explorer.set({ query: 0, second: null }, { ask: header.only !== null }),
      r: () => header.only === null && actions.rollout(),
      b: () => header.standalone || actions.brush(),
      Escape: () => explorer.clear(),
    };
  }

  move(dx, dy) {
    const { header, state } = this.explorer, query = neighborOf(state.query, dx, dy, header);
    const second = query === state.second ? null : state.second;
    this.explorer.hoveredToken = null;
    this.explorer.set({ query, second }, { ask: header.only !== null });
  }
}
