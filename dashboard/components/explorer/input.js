// What the pointer and the keys do in the explorer.

import { onTheme } from "../shared/theme.js";
import { copyLink, saveView } from "./files.js";
import { maskText, paintBrush } from "./mask.js";
import { cellUnder, dotUnder } from "./scene.js";
import { neighborOf } from "./state.js";

const ASKING = ["content", "over"]; // these need other numbers from the server
const TYPED = /^(INPUT|TEXTAREA|SELECT)$/;

// Where the pointer is in an element, in pixels, and the element's width.
function inside(event, element) {
  const box = element.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top, box.width];
}

// The number of the square under the pointer, of count x count in the element.
function squareUnder(event, element, count) {
  const [px, py, wide] = inside(event, element);
  const place = (v) => Math.max(0, Math.min(count - 1, Math.floor((v / wide) * count)));
  return place(py) * count + place(px);
}

export class Input {
  constructor(explorer) {
    this.explorer = explorer;
    this.actions = {
      cls: () => this.toggleCls(),
      rollout: () => explorer.set({ map: explorer.state.map === "rollout" ? "head" : "rollout" }),
      overlay: () => explorer.set({ overlay: !explorer.state.overlay }),
      brush: () => explorer.brush(!explorer.brushing),
      clear: () => this.clearMask(),
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
  }

  // Nothing answers before there is something to see.
  on(element, type, act) {
    element.addEventListener(type, (event) => this.explorer.frame && act(event));
  }

  listenToImage(image) {
    const { explorer } = this;
    const tokenUnder = (event) => squareUnder(event, image, explorer.header.side) + explorer.header.first;
    this.on(image, "pointermove", (event) => {
      if (explorer.painting) return this.paint(event, image);
      const token = explorer.brushing ? null : tokenUnder(event);
      if (token !== explorer.hover) explorer.point({ hover: token });
    });
    this.on(image, "pointerleave", () => explorer.point({ hover: null }));
    this.on(image, "pointerdown", (event) => {
      if (!explorer.brushing) return;
      explorer.painting = true;
      image.setPointerCapture(event.pointerId);
      this.paint(event, image);
    });
    for (const end of ["pointerup", "pointercancel"]) this.on(image, end, () => this.endPainting());
    this.on(image, "click", (event) => {
      if (!explorer.brushing) explorer.pin(tokenUnder(event));
    });
  }

  // The maps of the grid, and the dots of the plot: a layer and a head each.
  listenToCells({ grid, plot }) {
    const { explorer } = this;
    const under = new Map([
      [grid, (event) => cellUnder(explorer.plan, explorer.maps, ...inside(event, grid))],
      [plot, (event) => dotUnder(explorer.plot, explorer.header, ...inside(event, plot))],
    ]);
    const point = (cell) => {
      const same = cell?.r === explorer.over?.r && cell?.c === explorer.over?.c;
      if (!same) explorer.point({ over: cell });
    };
    for (const [element, cellOf] of under) {
      this.on(element, "pointermove", (event) => point(cellOf(event)));
      this.on(element, "pointerleave", () => point(null));
      this.on(element, "click", (event) => {
        const cell = cellOf(event);
        if (cell) explorer.set({ layer: cell.r, head: cell.c, map: "head" });
      });
    }
  }

  listenToLarge(element) {
    const { explorer } = this;
    this.on(element, "pointermove", (event) => {
      explorer.point({ pointed: squareUnder(event, element, explorer.header.side) });
    });
    this.on(element, "pointerleave", () => explorer.point({ pointed: null }));
  }

  listenToControls(root) {
    const { explorer } = this;
    this.on(root, "click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      if (button.dataset.do) return this.actions[button.dataset.do]();
      const name = button.closest("[data-state]").dataset.state;
      explorer.set({ [name]: button.dataset.value || null }, { ask: ASKING.includes(name) });
    });
    this.on(root.querySelector(".xp-scrub input"), "input", (event) => {
      const { step } = explorer.header.snapshots[Number(event.target.value)];
      explorer.play(false);
      explorer.set({ snapshot: step }, { ask: true });
    });
  }

  toggleCls() {
    const { state, header } = this.explorer;
    const query = state.query === 0 ? null : 0;
    this.explorer.set({ query, second: null }, { ask: header.only !== null });
  }

  paint(event, image) {
    const { mask, header } = this.explorer, [px, py, wide] = inside(event, image);
    paintBrush(mask, header.size, px / wide, py / wide);
    this.explorer.schedule();
  }

  endPainting() {
    const { explorer } = this;
    if (!explorer.painting) return;
    explorer.painting = false;
    explorer.set({ mask: maskText(explorer.mask, explorer.header.stem) }, { ask: true });
  }

  clearMask() {
    this.explorer.mask.fill(0);
    this.explorer.set({ mask: null }, { ask: true });
  }

  // Keys, while the pointer is over the explorer or the focus in it. Taken before Streamlit's own `r` and
  // `c`.
  press(event) {
    const { root, header, frame } = this.explorer, focused = document.activeElement;
    if (!frame || event.ctrlKey || event.metaKey || event.altKey || TYPED.test(focused?.tagName)) return;
    if (!root.matches(":hover") && !root.contains(focused)) return;
    if (header.talk && event.key.startsWith("Arrow")) return; // the speaker's: to the next step
    const act = this.keyAction(event.key);
    if (!act) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    this.explorer.over = null;
    act();
  }

  keyAction(key) {
    const { explorer, actions } = this, { header, state } = explorer;
    const turn = (name, by, count) => {
      explorer.set({ [name]: (state[name] + by + count + 1) % (count + 1), map: "head" });
    };
    const keys = {
      ArrowLeft: () => this.move(-1, 0),
      ArrowRight: () => this.move(1, 0),
      ArrowUp: () => this.move(0, -1),
      ArrowDown: () => this.move(0, 1),
      "[": () => turn("layer", -1, header.layers),
      "]": () => turn("layer", 1, header.layers),
      ",": () => turn("head", -1, header.heads),
      ".": () => turn("head", 1, header.heads),
      c: () => header.first && explorer.set({ query: 0, second: null }, { ask: header.only !== null }),
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
    this.explorer.hover = null;
    this.explorer.set({ query, second }, { ask: header.only !== null });
  }
}
