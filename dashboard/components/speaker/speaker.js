// The speaker window: the current step with its notes, the next step, the time. It follows the tab that
// presents the talk, and its keys and buttons move that tab. Without such a tab, it moves on its own.

import { writeAddress } from "../shared/address.js";
import { CHANNEL, Follower, keepAsking } from "../shared/follow.js";
import { repeat, whileMounted } from "../shared/lifetime.js";
import { direction, isForTalk } from "../shared/talk_keys.js";
import { clockText, elapsedText } from "./clock.js";

const TICK_MS = 250; // often enough that the seconds change evenly

class Speaker {
  constructor(root, data) {
    this.root = root;
    this.find = (name) => root.querySelector(`.speaker-${name}`);
    this.at = data.at; // the step, from 0
    this.answered = true; // whether the answer to its question is shown
    this.started = Date.now(); // until the tab that presents says when the talk began
    this.find("back").onclick = () => this.advance(-1);
    this.find("forward").onclick = () => this.advance(1);
    this.find("restart").onclick = () =>
      this.follower.restart() || (this.started = Date.now(), this.showTime());
  }

  // Follow the tab that presents until this component leaves the page.
  attach(signal) {
    const channel = new BroadcastChannel(CHANNEL);
    this.follower = new Follower(channel, this.data.talk, () => this.follow());
    keepAsking(this.follower, signal);
    repeat(() => this.showTime(), TICK_MS, signal);
    window.addEventListener("keydown", (event) => this.press(event), { capture: true, signal });
    signal.addEventListener("abort", () => channel.close());
  }

  update(data) {
    this.data = data;
    whileMounted(this.root, (signal) => this.attach(signal));
    this.show();
  }

  // Called when the tab that presents has changed its step, or has come or gone.
  follow() {
    const { presenter } = this.follower;
    if (presenter) {
      this.at = presenter.at;
      this.answered = presenter.answered;
      this.started = presenter.started;
      writeAddress({ step: String(this.at + 1) }); // for a reload
    }
    this.show();
  }

  advance(by) {
    const asking = this.data.steps[this.at]?.question && !this.answered;
    if (by > 0 && asking) this.follower.reveal();
    else this.go(this.at + by);
  }

  go(to) {
    if (to < 0 || to >= this.data.steps.length || this.follower.go(to)) return;
    this.at = to;
    writeAddress({ step: String(to + 1) });
    this.show();
  }

  show() {
    const { steps, title } = this.data;
    this.at = Math.min(this.at, steps.length - 1); // the tab that presents may have a newer file
    const { at } = this, step = steps[at], next = steps[at + 1], alone = !this.follower.presenter;
    this.root.querySelector(".speaker").toggleAttribute("data-alone", alone);
    this.find("talk").textContent = title;
    this.showStatus(alone);
    const now = this.find("now");
    now.querySelector(".speaker-label").textContent = `Step ${at + 1} of ${steps.length}`;
    now.querySelector("h1").textContent = step.title;
    now.querySelector(".speaker-say").textContent = step.say;
    this.showQuestion(step, alone);
    this.find("source").textContent = step.source ? `Source: ${step.source}` : "";
    const notes = this.find("notes");
    const text = step.note || "No notes for this step.";
    if (notes.textContent !== text) {
      notes.textContent = text;
      notes.scrollTop = 0;
    }
    notes.toggleAttribute("data-empty", !step.note);
    const after = this.find("next");
    after.querySelector(".speaker-label").textContent = next ? "Next" : "This is the last step";
    after.querySelector("h2").textContent = next?.title ?? "";
    after.querySelector(".speaker-say").textContent = next?.question
      ? `Question: ${next.question}`
      : next?.say ?? "";
    const asking = step.question && !this.answered && !alone;
    this.find("back").disabled = at === 0;
    this.find("forward").disabled = !asking && !next;
    this.find("forward").textContent = asking ? "Show the answer" : "Next";
    document.title = `${at + 1} / ${steps.length} \u00b7 Speaker \u00b7 ${title}`;
    this.showTime();
  }

  showStatus(alone) {
    const status = this.find("status");
    if (!alone) return status.replaceChildren("In step with the talk");
    const link = document.createElement("a");
    Object.assign(link, { href: `./?talk=${encodeURIComponent(this.data.talk)}&step=${this.at + 1}` });
    Object.assign(link, { target: "_blank", textContent: "Open the talk" });
    status.replaceChildren("No tab presents this talk. ", link);
  }

  showQuestion({ question, answers, answer }, alone) {
    const place = this.find("question");
    place.hidden = !question;
    if (!question) return;
    place.querySelector("p").textContent = `Question: ${question}`;
    place.querySelector("ol").replaceChildren(...answers.map((text) => {
      const item = document.createElement("li");
      item.textContent = text;
      if (text === answer) item.setAttribute("aria-current", "true");
      return item;
    }));
    const state = alone ? "" : this.answered ? " (shown)" : " (not shown yet)";
    this.find("answer").textContent = `Answer: ${answer}${state}`;
  }

  showTime() {
    this.find("clock").textContent = clockText(new Date());
    this.find("elapsed").textContent = elapsedText(Date.now() - this.started);
  }

  press(event) {
    if (!isForTalk(event)) return;
    const actions = { Home: () => this.go(0), End: () => this.go(this.data.steps.length - 1) };
    const by = direction(event.key);
    if (by) this.advance(by);
    else if (Object.hasOwn(actions, event.key)) actions[event.key]();
    else return;
    event.preventDefault();
    event.stopImmediatePropagation();
  }
}

export default function ({ data, parentElement }) {
  const root = parentElement;
  root.speaker ??= new Speaker(root, data);
  root.speaker.update(data);
}
