// Keyboard control of a talk: arrows, space, Page Up and Page Down (which clickers send), Home and End change
// the step; `n` shows the notes, `f` toggles full screen, Escape closes the notes or leaves the talk.

const PREVIOUS_KEYS = ["ArrowLeft", "ArrowUp", "PageUp", "Backspace"];
const NEXT_KEYS = ["ArrowRight", "ArrowDown", "PageDown", " ", "Enter"];
const TEXT_FIELDS = /^(INPUT|TEXTAREA|SELECT)$/;
const CLICKABLE = /^(BUTTON|A|SUMMARY)$/;
const MAX_DOTS = 24; // with more steps, the dots would not fit next to the source
const MIN_SCALE = 0.6; // of the figures, for phones
const RETRY_MS = 500;
const MAX_REQUESTS = 10; // for one step
const RUNNING = '[data-test-script-state="running"]';

// Whether the window is full screen, by `f` or by the browser itself.
const isFullScreen = () =>
  Boolean(document.fullscreenElement) || window.matchMedia("(display-mode: fullscreen)").matches;

class Talk {
  constructor(root) {
    this.root = root;
    this.requested = null; // the step that the server was asked for, from 0, until it is shown
    this.chosen = null; // the step that the speaker went to last, from 0
    this.note = root.querySelector(".talk-note");
    this.marks = root.querySelector(".talk-marks");
    const lifetime = new AbortController();
    const signal = lifetime.signal;
    const timer = setInterval(() => {
      if (root.isConnected) return;
      lifetime.abort();
      clearInterval(timer);
    }, 500);
    window.addEventListener("keydown", (event) => this.press(event), { capture: true, signal });
    window.addEventListener("resize", () => this.updateScale(), { signal });
    window.addEventListener("popstate", () => this.abandon(), { signal });
  }

  // Show new data from the server. `send(name, value)` sets a trigger.
  update(data, send) {
    this.send = send;
    this.data = data;
    if (this.requested === data.at) this.clearRequest();
    else if (this.requested !== null) this.sendRequest(); // Streamlit may lose a trigger during a rerun
    // another element's rerun may have carried the address of an earlier step
    else if (this.chosen !== null && this.chosen !== data.at) this.request(this.chosen);
    const { at, count } = data;
    this.root.querySelector(".talk-source").textContent = data.source ? `Source: ${data.source}` : "";
    this.root.querySelector(".talk-count").textContent = `${at + 1} / ${count}`;
    this.note.textContent = data.note || "No notes for this step.";
    if (this.marks.children.length !== count) {
      this.marks.toggleAttribute("data-many", count > MAX_DOTS);
      this.marks.replaceChildren(...data.titles.map((title, i) => {
        const mark = document.createElement("button");
        mark.title = `${i + 1} ${title}`;
        mark.setAttribute("aria-label", mark.title);
        mark.addEventListener("click", () => (mark.blur(), this.go(i)));
        return mark;
      }));
    }
    [...this.marks.children].forEach((mark, i) => {
      if (i === at) mark.setAttribute("aria-current", "step");
      else mark.removeAttribute("aria-current");
    });
    document.title = `${data.titles[at]} \u00b7 ViT Lab`;
    this.updateScale();
  }

  // Send the scale of the figures for this window. It also depends on the width, for windows narrower than
  // 4:3.
  updateScale() {
    const fits = Math.max(MIN_SCALE, Math.min(window.innerHeight / 720, window.innerWidth / 960));
    const scale = Math.round(fits * 20) / 20;
    if (scale === (this.scale ?? 1)) return;
    this.scale = scale;
    this.send("scale", scale);
  }

  // The step that the next key press starts from: the one that the speaker chose, even before it is shown.
  get step() {
    return this.chosen ?? this.data.at;
  }

  go(to) {
    if (to < 0 || to >= this.data.count || to === this.step) return;
    this.chosen = to;
    this.request(to);
  }

  request(to) {
    this.requested = to;
    this.requestsLeft = MAX_REQUESTS;
    clearTimeout(this.retryTimer);
    this.retryTimer = setTimeout(() => this.retry(), RETRY_MS);
    this.sendRequest();
  }

  // The number of requests is limited, because the step may have been deleted from the file. In a standalone
  // file the step is shown during this call.
  sendRequest() {
    if (this.requestsLeft-- > 0) this.send("go", this.requested + 1);
    else this.abandon();
  }

  // Called when Back or Forward shows another step, and when a step cannot be reached.
  abandon() {
    this.chosen = null;
    this.clearRequest();
  }

  clearRequest() {
    this.requested = null;
    clearTimeout(this.retryTimer);
  }

  // Streamlit may lose a trigger at the end of a rerun, and no new data follow. Therefore repeat the request
  // while no script is running.
  retry() {
    if (!this.root.isConnected) return this.clearRequest();
    this.retryTimer = setTimeout(() => this.retry(), RETRY_MS);
    if (!document.querySelector(RUNNING)) this.sendRequest();
  }

  // Close the notes, or follow the link out of the talk. In full screen, Escape only ends that.
  leave() {
    const link = this.root.querySelector(".talk-end a"); // not visible in a standalone file
    if (!this.note.hidden) this.note.hidden = true;
    else if (!isFullScreen() && link?.getClientRects().length) link.click();
  }

  press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.data) return;
    if (event.key === "Escape" && event.repeat) return; // it may still be ending full screen
    const focused = document.activeElement?.tagName ?? "";
    const isPageKey = event.key.startsWith("Page");
    if (!isPageKey && TEXT_FIELDS.test(focused)) return;
    if ([" ", "Enter"].includes(event.key) && CLICKABLE.test(focused)) return;
    const { count } = this.data;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key; // also with caps lock
    const actions = {
      Home: () => this.go(0),
      End: () => this.go(count - 1),
      Escape: () => this.leave(),
      n: () => (this.note.hidden = !this.note.hidden),
      f: () => (document.fullscreenElement
        ? document.exitFullscreen()
        : document.documentElement.requestFullscreen()),
    };
    const step = PREVIOUS_KEYS.includes(event.key) ? -1 : NEXT_KEYS.includes(event.key) ? 1 : 0;
    if (step) this.go(this.step + step);
    else if (Object.hasOwn(actions, key)) actions[key]();
    else return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement;
  root.talk ??= new Talk(root);
  root.talk.update(data, setTriggerValue);
}
