// Pointer and keyboard input that the explorer and two explorers side by side share.

import { onTheme } from "../shared/theme.js";
import { preventTouchMenu } from "../shared/touch.js";

const SERVER_STATES = ["content", "over"]; // these need other values from the server
const TYPED = /^(INPUT|TEXTAREA|SELECT)$/;

/**
 * Return the position of the pointer in an element, and the size of the element, in pixels.
 * @param {any} event
 * @param {HTMLElement} element
 */
export function pointerIn(event, element) {
  const box = element.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top, box.width, box.height];
}

// Return the index of the square under the pointer, in an element of count x count squares.
export function squareUnder(event, element, count) {
  const [x, y, width, height] = pointerIn(event, element);
  const index = (v, size) => Math.max(0, Math.min(count - 1, Math.floor((v / size) * count)));
  return index(y, height) * count + index(x, width);
}

/** The base of both. At its end are the members that each of them has. */
export class AttentionInput {
  /**
   * @param {any} view
   * @param {any} actions
   */
  constructor(view, actions) {
    this.view = view;
    this.actions = {
      rollout: () => view.set({ map: view.state.map === "rollout" ? "head" : "rollout" }),
      overlay: () => view.set({ overlay: !view.state.overlay }),
      file: () => view.ask("file"),
      ...actions,
    };
    this.on(view.root, "click", (event) => {
      const button = event.target.closest("button");
      if (!button) return;
      if (button.dataset.do) return this.actions[button.dataset.do](button);
      const name = button.closest("[data-state]").dataset.state;
      view.set({ [name]: button.dataset.value || null }, { ask: SERVER_STATES.includes(name) });
    });
    new ResizeObserver(() => view.schedule()).observe(view.root);
    onTheme(view.root, () => view.schedule());
    preventTouchMenu(view.root);
  }

  // Add a listener that does nothing until the first data have arrived.
  on(element, type, act) {
    element.addEventListener(type, (event) => this.view.ready && act(event));
  }

  // Follow the pointer over an element, also a finger that rests on it.
  track(element, act, leave) {
    for (const type of ["pointermove", "pointerdown"]) this.on(element, type, act);
    this.on(element, "pointerleave", leave);
  }

  // Handle keys while the pointer is over the component, or while the focus is in it. The listener captures
  // them, because Streamlit has shortcuts for `r` and `c`.
  press(event) {
    const { root, header, ready } = this.view, focused = document.activeElement;
    if (!ready || event.altKey || TYPED.test(focused?.tagName)) return;
    if (!root.matches(":hover") && !root.contains(focused)) return;
    if (header.talk && event.key.startsWith("Arrow")) return; // they move to another step of the talk
    if (header.talk && !header.standalone && event.key === "Escape") return; // it leaves the talk
    const act = event.ctrlKey || event.metaKey ? this.undoAction(event) : this.keyAction(event.key);
    if (!act) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    this.forgetPointer();
    act();
  }

  // Return the action of a key with Ctrl or Command.
  /** @returns {(() => void) | null} */
  undoAction(_event) {
    return null;
  }

  keyAction(key) {
    const { view, shape: { layers, heads } } = this;
    const cycle = (name, by, count) => {
      view.set({ [name]: (view.state[name] + by + count + 1) % (count + 1), map: "head" });
    };
    const keys = {
      ArrowLeft: () => this.move(-1, 0),
      ArrowRight: () => this.move(1, 0),
      ArrowUp: () => this.move(0, -1),
      ArrowDown: () => this.move(0, 1),
      "[": () => cycle("layer", -1, layers),
      "]": () => cycle("layer", 1, layers),
      ",": () => cycle("head", -1, heads),
      ".": () => cycle("head", 1, heads),
      r: this.actions.rollout,
      o: this.actions.overlay,
      ...this.keys,
    };
    return Object.hasOwn(keys, key) ? keys[key] : null;
  }

  forgetPointer() {
    this.view.hoveredCell = null;
  }

  /** @returns {{ layers: number, heads: number }} */
  get shape() {
    throw new Error("an input must have this member");
  }

  /** @returns {Record<string, () => void>} the actions of more keys */
  get keys() {
    return {};
  }

  // Choose another token.
  move(_dx, _dy) {}
}
