// The strip with the current stop of the tour. Back and Next are links to other stops. The keys `n` and `p`
// follow them, and Escape in the strip skips the tour.
// The strip reports its height, so that the page begins below it (style/header.css).

import { keepAddress, writeAddress } from "../shared/address.js";
import { whileMounted } from "../shared/lifetime.js";
import { isForTalk } from "../shared/talk_keys.js";
import { remember } from "./memory.js";

const HEIGHT = "--tour-height";

class Tour {
  constructor(root) {
    this.root = root;
    this.done = !new URLSearchParams(window.location.search).has("tour"); // removed by `leave`
    this.skip = root.querySelector("button");
    this.back = root.querySelector("[data-do=back]");
    this.next = root.querySelector("[data-do=next]");
    this.skip.addEventListener("click", () => this.leave());
    root.addEventListener("keydown", (event) => event.key === "Escape" && this.leave());
  }

  // Add the listeners on the window. They are removed when the component leaves the page.
  attach(signal) {
    const observer = new ResizeObserver(() => this.reportHeight());
    observer.observe(this.root);
    keepAddress(this.root, () => ({ tour: this.done ? null : String(this.number) }), signal);
    window.addEventListener("keydown", (event) => this.press(event), { signal });
    signal.addEventListener("abort", () => (observer.disconnect(), this.remove()));
  }

  // Show the stop from the server. `send(name, value)` sets a trigger.
  update(data, send) {
    this.send = send;
    const { number, title, say, addresses } = data;
    this.number = number;
    const last = number === addresses.length;
    this.root.hidden = this.done;
    this.root.querySelector(".tour-count").textContent = `${number} of ${addresses.length}`;
    const [heading, words] = this.root.querySelector(".tour-words").children;
    heading.textContent = title;
    words.textContent = say;
    this.back.hidden = number === 1;
    this.back.href = addresses[number - 2] ?? "";
    this.next.hidden = last;
    this.next.href = addresses[number] ?? "";
    this.skip.textContent = last ? "Finish" : "Skip";
    this.skip.toggleAttribute("data-last", last);
    if (!this.done) remember(number);
    whileMounted(this.root, (signal) => this.attach(signal));
    this.reportHeight();
  }

  press(event) {
    if (this.done || !isForTalk(event)) return;
    if (event.key === "n") (this.next.hidden ? this.skip : this.next).click();
    else if (event.key === "p" && !this.back.hidden) this.back.click();
  }

  // Finish or skip the tour. The page remains.
  leave() {
    this.done = true;
    remember(null);
    writeAddress({ tour: null });
    this.root.hidden = true;
    this.reportHeight();
    this.send("leave", true);
  }

  // Let the page begin below the strip.
  reportHeight() {
    const page = document.documentElement, height = this.root.isConnected ? this.root.offsetHeight : 0;
    page.toggleAttribute("data-tour", height > 0);
    page.style.setProperty(HEIGHT, `${height}px`);
  }

  remove() {
    document.documentElement.removeAttribute("data-tour");
    document.documentElement.style.removeProperty(HEIGHT);
    this.root.tour = null;
  }
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".tour");
  root.tour ??= new Tour(root);
  root.tour.update(data, setTriggerValue);
}
