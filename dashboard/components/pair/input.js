// Pointer and keyboard input of both sides.

import { hasCls, neighborOf } from "../shared/tokens.js";
import { cellUnder } from "../explorer/grid.js";
import { onTheme } from "../shared/theme.js";
import { preventTouchMenu } from "../shared/touch.js";
import { partnerCell, partnerToken } from "./difference.js";
import { copyPairLink, savePair, savePairCsv } from "./files.js";

const FIELDS = /^(INPUT|TEXTAREA|SELECT)$/;

// Return the index of the square under the pointer, in an element of count x count squares.
function squareAt(event, element, count) {
  const box = element.getBoundingClientRect();
  const index = (v, size) => Math.max(0, Math.min(count - 1, Math.floor((v / size) * count)));
  return index(event.clientY - box.top, box.height) * count + index(event.clientX - box.left, box.width);
}

export class PairInput {
  constructor(pair) {
    this.pair = pair;
    this.actions = {
      cls: () => this.toggleToken(0),
      token: (button) => this.toggleToken(Number(button.dataset.token)),
      rollout: () => pair.set({ map: pair.state.map === "rollout" ? "head" : "rollout" }),
      overlay: () => pair.set({ overlay: !pair.state.overlay }),
      link: () => copyPairLink(pair),
      png: () => savePair(pair, "png"),
      svg: () => savePair(pair, "svg"),
      csv: () => savePairCsv(pair),
      file: () => pair.ask("file"),
    };
    pair.sections.forEach((section, index) => {
      this.listenToGrid(section.querySelector(".pair-grid"), index);
      this.listenToLarge(section.querySelector(".pair-large"), index);
      if (index < 2) this.listenToImage(section, index);
    });
    this.on(pair.root, "click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      if (button.dataset.do) return this.actions[button.dataset.do](button);
      pair.set({ [button.closest("[data-state]").dataset.state]: button.dataset.value });
    });
    new ResizeObserver(() => pair.schedule()).observe(pair.root);
    onTheme(pair.root, () => pair.schedule());
    preventTouchMenu(pair.root);
  }

  // Choose a token before the patches, or unpin it.
  toggleToken(token) {
    this.pair.set({ query: this.pair.state.query === token ? null : token });
  }

  // Add a listener that does nothing until the first frames have arrived.
  on(element, type, act) {
    element.addEventListener(type, (event) => this.pair.frames?.every(Boolean) && act(event));
  }

  listenToImage(section, side) {
    const { pair } = this, image = section.querySelector(".pair-image");
    const tokenAt = (event) => squareAt(event, image, pair.sides[side].side) + pair.sides[side].first;
    for (const type of ["pointermove", "pointerdown"]) {
      this.on(image, type, (event) => {
        const token = tokenAt(event);
        if (pair.hovered?.side !== side || pair.hovered.token !== token) {
          pair.point({ hovered: { side, token } });
        }
      });
    }
    this.on(image, "pointerleave", () => pair.point({ hovered: null }));
    this.on(image, "click", (event) => {
      const token = tokenAt(event), query = side ? partnerToken(token, pair.sides[1], pair.sides[0]) : token;
      pair.set({ query: query === pair.state.query ? null : query });
    });
    this.on(section.querySelector("select"), "change", (event) => {
      const { value } = event.target, step = value === "best" ? (side ? "best" : null) : Number(value);
      pair.set(side ? { rightSnapshot: step } : { snapshot: step }, { ask: true });
    });
  }

  // The grid of the difference counts as the left one.
  listenToGrid(grid, index) {
    const { pair } = this, side = index % 2;
    const cellAt = (event) => {
      const box = grid.getBoundingClientRect();
      const cell = cellUnder(pair.plans[index], event.clientX - box.left, event.clientY - box.top);
      return index === 2 ? partnerCell(cell, pair.common, pair.sides[0]) : cell;
    };
    for (const type of ["pointermove", "pointerdown"]) {
      this.on(grid, type, (event) => {
        const cell = cellAt(event);
        pair.point({ hoveredCell: cell && { side, ...cell } });
      });
    }
    this.on(grid, "pointerleave", () => pair.point({ hoveredCell: null }));
    this.on(grid, "click", (event) => {
      const cell = cellAt(event), left = side ? partnerCell(cell, pair.sides[1], pair.sides[0]) : cell;
      if (left) pair.set({ layer: left.r, head: left.c, map: "head" });
    });
  }

  listenToLarge(element, index) {
    const { pair } = this, side = index % 2;
    for (const type of ["pointermove", "pointerdown"]) {
      this.on(element, type, (event) => {
        pair.point({ hoveredPatch: { side, patch: squareAt(event, element, pair.sides[side].side) } });
      });
    }
    this.on(element, "pointerleave", () => pair.point({ hoveredPatch: null }));
  }

  // Handle keys while the pointer is over the component, or while the focus is in it. The listener captures
  // them, because Streamlit has shortcuts for `r` and `c`.
  press(event) {
    const { root, header, frames } = this.pair, focused = document.activeElement;
    if (!frames?.every(Boolean) || event.altKey || event.ctrlKey || event.metaKey) return;
    if (FIELDS.test(focused?.tagName) || (!root.matches(":hover") && !root.contains(focused))) return;
    if (header.talk && event.key.startsWith("Arrow")) return; // they move to another step of the talk
    if (header.talk && !header.standalone && event.key === "Escape") return; // it leaves the talk
    const act = this.keyAction(event.key);
    if (!act) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    Object.assign(this.pair, { hoveredCell: null, hovered: null });
    act();
  }

  keyAction(key) {
    const { pair, actions } = this, { state, sides } = pair, [left] = sides;
    const cycle = (name, by, count) => {
      pair.set({ [name]: (state[name] + by + count + 1) % (count + 1), map: "head" });
    };
    const move = (dx, dy) => pair.set({ query: neighborOf(state.query, dx, dy, left) });
    const keys = {
      ArrowLeft: () => move(-1, 0),
      ArrowRight: () => move(1, 0),
      ArrowUp: () => move(0, -1),
      ArrowDown: () => move(0, 1),
      "[": () => cycle("layer", -1, left.layers),
      "]": () => cycle("layer", 1, left.layers),
      ",": () => cycle("head", -1, left.heads),
      ".": () => cycle("head", 1, left.heads),
      c: () => hasCls(left) && pair.set({ query: 0 }),
      r: actions.rollout,
      o: actions.overlay,
      Escape: () => pair.set({ query: null }),
    };
    return Object.hasOwn(keys, key) ? keys[key] : null;
  }
}
