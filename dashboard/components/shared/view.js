// What components with a drawing share: they are redrawn at most once per frame, keep their state in the
// address of the page, and send requests to the server.

import { writeAddress } from "./address.js";

const KEPT_TIMES = 600; // redraw times kept for the benchmark

/** The base of a component. It has `ready`, `draw()`, and, for links, `parameters()`. */
export class View {
  host = null; // `host.ask(text)` sends a request to the server
  times = []; // milliseconds of redraws
  scheduled = false;

  /** @param {any} root */
  constructor(root) {
    this.root = root;
  }

  find(selector) {
    return this.root.querySelector(selector);
  }

  // Whether there are data to draw.
  get ready() {
    return true;
  }

  draw() {}

  // Redraw in the next frame.
  schedule() {
    if (this.scheduled) return;
    this.scheduled = true;
    requestAnimationFrame(() => {
      this.scheduled = false;
      if (!this.ready || !this.root.isConnected) return;
      const start = performance.now();
      this.draw();
      this.times.push(performance.now() - start);
      if (this.times.length > KEPT_TIMES) this.times.shift();
    });
  }

  // The query parameters of this view, or null if the server gave the state, as in a talk or a standalone
  // file.
  /** @returns {Record<string, string | null> | null} */
  parameters() {
    return null;
  }

  saveAddress() {
    const parameters = this.parameters();
    if (parameters) writeAddress(parameters);
  }
}

/**
 * Create the view of an element when it is mounted, and give it new data. The view is kept as root[name].
 * @param {{ data: any, parentElement: HTMLElement, setTriggerValue?: (name: string, text: string) => void }}
 *   element as Streamlit passes it
 * @param {string} selector of the root
 * @param {string} name
 * @param {new (root: any) => any} Kind the class of the view
 */
export function mount({ data, parentElement, setTriggerValue }, selector, name, Kind) {
  const root = /** @type {any} */ (parentElement.querySelector(selector));
  root[name] ??= new Kind(root);
  root[name].host = { ask: (text) => setTriggerValue("ask", text) };
  root[name].update(data);
}
