// A talk's keys: arrows, space, Page Up and Page Down (clickers), Home, End; `n` notes, `f` full screen.

const BACK = ["ArrowLeft", "ArrowUp", "PageUp", "Backspace"];
const ON = ["ArrowRight", "ArrowDown", "PageDown", " ", "Enter"];
const TYPED = /^(INPUT|TEXTAREA|SELECT)$/;
const PRESSED = /^(BUTTON|A|SUMMARY)$/;
const MANY = 24; // steps: more dots than fit beside a source
const SMALLEST = 0.6; // of a figure's type: for a phone
const AGAIN_MS = 500;
const TRIES = 10;
const RUNNING = '[data-test-script-state="running"]';

class Talk {
  constructor(root) {
    this.root = root;
    this.asked = null;
    this.note = root.querySelector(".talk-note");
    this.marks = root.querySelector(".talk-marks");
    const leave = new AbortController();
    const signal = leave.signal;
    const timer = setInterval(() => {
      if (root.isConnected) return;
      leave.abort();
      clearInterval(timer);
    }, 500);
    window.addEventListener("keydown", (event) => this.press(event), { capture: true, signal });
    window.addEventListener("resize", () => this.measure(), { signal });
    window.addEventListener("popstate", () => this.forget(), { signal });
  }

  take(data, send) {
    this.send = send;
    this.data = data;
    if (this.asked === data.at) this.forget();
    else if (this.asked !== null) this.ask(); // a press during a run may be lost
    const { at, count } = data;
    this.root.querySelector(".talk-source").textContent = data.source ? `Source: ${data.source}` : "";
    this.root.querySelector(".talk-count").textContent = `${at + 1} / ${count}`;
    this.note.textContent = data.note || "No notes for this step.";
    if (this.marks.children.length !== count) {
      this.marks.toggleAttribute("data-many", count > MANY);
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
    this.measure();
  }

  // Figures are drawn for this window; one narrower than a projector's 4 to 3 has room for smaller ones
  // alone.
  measure() {
    const fits = Math.max(SMALLEST, Math.min(window.innerHeight / 720, window.innerWidth / 960));
    const scale = Math.round(fits * 20) / 20;
    if (scale === (this.scale ?? 1)) return;
    this.scale = scale;
    this.send("scale", scale);
  }

  // The step that presses count from: the one asked for, until it is there, however slow the browser.
  get step() {
    return this.asked ?? this.data.at;
  }

  go(to) {
    if (to < 0 || to >= this.data.count || to === this.step) return;
    this.asked = to;
    this.tries = TRIES;
    clearTimeout(this.later);
    this.later = setTimeout(() => this.again(), AGAIN_MS);
    this.ask();
  }

  // Not for ever: a talk's file may have lost the step meanwhile. Without a server the step is there at once.
  ask() {
    if (this.tries-- > 0) this.send("go", this.asked + 1);
    else this.forget();
  }

  // What was asked for is there; or the browser's Back and Forward name a step themselves.
  forget() {
    this.asked = null;
    clearTimeout(this.later);
  }

  // A press in the last moments of a run may be lost without another delivery: ask again once the script
  // rests.
  again() {
    if (!this.root.isConnected) return this.forget();
    this.later = setTimeout(() => this.again(), AGAIN_MS);
    if (!document.querySelector(RUNNING)) this.ask();
  }

  press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !this.data) return;
    const focused = document.activeElement?.tagName ?? "";
    const turning = event.key.startsWith("Page");
    if (!turning && TYPED.test(focused)) return;
    if ([" ", "Enter"].includes(event.key) && PRESSED.test(focused)) return;
    const { count } = this.data;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key; // caps lock
    const act = {
      Home: () => this.go(0),
      End: () => this.go(count - 1),
      n: () => (this.note.hidden = !this.note.hidden),
      f: () => (document.fullscreenElement
        ? document.exitFullscreen()
        : document.documentElement.requestFullscreen()),
    };
    const step = BACK.includes(event.key) ? -1 : ON.includes(event.key) ? 1 : 0;
    if (step) this.go(this.step + step);
    else if (Object.hasOwn(act, key)) act[key]();
    else return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement;
  root.talk ??= new Talk(root);
  root.talk.take(data, setTriggerValue);
}
