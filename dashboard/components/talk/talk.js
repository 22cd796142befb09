// Keyboard control of a talk: arrows, space, Page Up and Page Down (which clickers send), Home and End change
// the step; `n` shows the notes, `s` opens the speaker window, `f` toggles full screen, Escape closes the
// notes or leaves the talk. A step with a question shows the question first. The next key, or a click,
// shows the answer and the view.

import { keepAddress } from "../shared/address.js";
import { CHANNEL, Presenter } from "../shared/follow.js";
import { whileMounted } from "../shared/lifetime.js";
import { direction, isForTalk } from "../shared/talk_keys.js";
import { recall, remember } from "./memory.js";

const MAX_DOTS = 24; // with more steps, the dots would not fit next to the source
const MAX_LARGE = 160; // characters of a question and its choices in large type
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
    this.answered = new Set(); // the steps whose answers have been shown, from 0
    this.note = root.querySelector(".talk-note");
    this.marks = root.querySelector(".talk-marks");
    this.question = root.querySelector(".talk-question");
    this.question.addEventListener("click", () => this.reveal(this.data.at));
    root.querySelector(".talk-end a")?.addEventListener("click", () => this.forgetStart());
  }

  // Add the listeners on the window. They are removed when the component leaves the page.
  attach(signal) {
    if (this.data.talk) this.present(this.data.talk, signal);
    window.addEventListener("keydown", (event) => this.press(event), { capture: true, signal });
    window.addEventListener("resize", () => this.updateScale(), { signal });
    window.addEventListener("popstate", () => this.abandon(), { signal });
    window.addEventListener("pagehide", () => this.presenter?.post("left"), { signal });
    window.addEventListener("pageshow", (event) => event.persisted && this.presenter?.post("moved"), {
      signal,
    });
  }

  // Show new data from the server. `send(name, value)` sets a trigger.
  update(data, send) {
    this.send = send;
    if (!this.data && new URLSearchParams(window.location.search).get("answer") === "shown") {
      this.answered.add(data.at);
    }
    this.data = data;
    whileMounted(this.root, (signal) => this.attach(signal));
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
      this.marks.replaceChildren(...data.titles.map((_, i) => {
        const mark = document.createElement("button");
        mark.title = `${i + 1} ${this.label(i)}`;
        mark.setAttribute("aria-label", mark.title);
        mark.addEventListener("click", () => (mark.blur(), this.go(i)));
        return mark;
      }));
    }
    [...this.marks.children].forEach((mark, i) => {
      if (i === at) mark.setAttribute("aria-current", "step");
      else mark.removeAttribute("aria-current");
    });
    this.showQuestion();
    this.updateScale();
  }

  // Keep the state in the address, and let a speaker window follow and move the talk. A standalone file has
  // neither.
  present(talk, signal) {
    const parameters = () => {
      const shown = this.data.questions?.[this.data.at] && this.answered.has(this.data.at);
      return { answer: shown ? "shown" : null };
    };
    keepAddress(this.root, parameters, signal);
    this.presenter = new Presenter(new BroadcastChannel(CHANNEL), this.identity(talk), {
      go: (index) => this.go(index),
      reveal: () => this.reveal(this.step),
      restart: () => (this.forgetStart(), this.presenter.restart(this.identity(talk).started)),
    });
    signal.addEventListener("abort", () => this.presenter.leave());
  }

  // The id of this tab and the time when the talk began in it. A reload keeps both.
  identity(talk) {
    this.storage = `vitlab-talk-${talk}`;
    const { id = crypto.randomUUID?.() ?? String(Math.random()), started = Date.now() } = recall(
      this.storage,
    );
    remember(this.storage, { id, started });
    return { talk, id, started };
  }

  forgetStart() {
    if (this.presenter) remember(this.storage, { id: this.presenter.identity.id });
  }

  // The name of a step: its question instead of its title, which may contain the answer.
  label(i) {
    return this.data.questions?.[i] || this.data.titles[i];
  }

  // Whether a step has a question whose answer has not been shown yet.
  isAsking(i) {
    return Boolean(this.data.questions?.[i]) && !this.answered.has(i);
  }

  // Cover the view of a step with its question, or show it. The style that hides the view reads
  // `data-answered`.
  showQuestion() {
    const { at, titles, answers = [] } = this.data, asking = this.isAsking(at);
    document.documentElement.dataset.answered = [...this.answered].map((i) => i + 1).join(" ");
    const [heading, list] = this.question.children;
    heading.textContent = asking ? this.label(at) : "";
    list.replaceChildren(...(asking ? answers : []).map((answer) => {
      const item = document.createElement("li");
      item.textContent = answer;
      return item;
    }));
    list.hidden = !list.children.length;
    this.question.hidden = !asking;
    this.question.toggleAttribute("data-long", this.label(at).length + answers.join("").length > MAX_LARGE);
    document.title = `${asking ? this.label(at) : titles[at]} \u00b7 ViT Lab`;
    this.presenter?.show(at, !asking);
  }

  // Show the answer to the question of a step, which may still be on its way from the server.
  reveal(i) {
    if (!this.isAsking(i)) return;
    this.answered.add(i);
    this.showQuestion();
    window.dispatchEvent(new Event("resize")); // figures measure their place once it is visible
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

  // Go to the next step, or to the previous one. A question is answered before the next step is shown.
  advance(by) {
    if (by > 0 && this.isAsking(this.step)) this.reveal(this.step);
    else this.go(this.step + by);
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

  // Open the speaker window, or bring it to the front. A standalone file has none.
  openSpeaker() {
    if (!this.presenter) return;
    const { talk } = this.data;
    const url = new URL(window.location.href);
    url.search = new URLSearchParams({ talk, step: String(this.step + 1), speaker: "true" }).toString();
    window.open(url, `vitlab-speaker-${talk}`);
  }

  press(event) {
    if (!this.data || !isForTalk(event)) return;
    if (event.key === "Escape" && event.repeat) return; // it may still be ending full screen
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key; // also with caps lock
    const actions = {
      Home: () => this.go(0),
      End: () => this.go(this.data.count - 1),
      Escape: () => this.leave(),
      n: () => (this.note.hidden = !this.note.hidden),
      s: () => this.openSpeaker(),
      f: () => (document.fullscreenElement
        ? document.exitFullscreen()
        : document.documentElement.requestFullscreen()),
    };
    const by = direction(event.key);
    if (by) this.advance(by);
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
