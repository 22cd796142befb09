// What the explorer and two explorers side by side share: their state in the address, and requests.

import { keepAddress } from "../shared/address.js";
import { View } from "../shared/view.js";

const ASK_MS = 40; // delay of a request, so that quick changes make one request

/** The base of both. At its end are the members that each of them has. */
export class AttentionView extends View {
  header = null; // of the message
  state = null; // the part of the view that the address holds, see state.js
  hoveredCell = null; // the map under the pointer
  /** @type {import("./pointer.js").AttentionInput | null} */
  input = null;

  // Set what is under the pointer.
  point(changes) {
    Object.assign(this, changes);
    this.schedule();
  }

  // Change the state. `ask`: the server must send other numbers, with `now` without the delay.
  set(changes, { ask = false, now = false } = {}) {
    Object.assign(this.state, changes);
    this.saveAddress();
    if (ask && now) this.ask("look");
    this.showControls();
    this.schedule();
    if (ask && !now) this.scheduleRequest();
  }

  // Send a request for the current state after a short delay. A later call replaces an earlier one.
  scheduleRequest() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.ask("look"), ASK_MS);
  }

  // Add the listeners on the window. They are removed when the component leaves the page.
  attach(signal) {
    keepAddress(this.root, () => this.parameters(), signal);
    window.addEventListener("keydown", (event) => this.input.press(event), { capture: true, signal });
    window.addEventListener("popstate", () => this.restoreFromAddress(), { signal });
  }

  // Show the state in the address, which Back or Forward changed.
  restoreFromAddress() {
    if (!this.parameters()) return;
    this.state = this.readAddress();
    this.set({}, { ask: true });
  }

  // Return the state in the address, as far as this view has it.
  /** @returns {any} */
  readAddress() {
    throw new Error("a view must have this member");
  }

  // Show the state in the buttons.
  showControls() {}

  // Send a request with the state to the server.
  ask(kind) {
    this.host.ask(kind);
  }
}
