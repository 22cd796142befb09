// Keeps a speaker window at the step that another tab of the same browser presents. Both tabs talk through a
// BroadcastChannel, and the server takes no part in it. Either tab may be reloaded: a speaker window asks
// when it opens, and the tab that presents reports its step when it opens and at each change.

import { repeat } from "./lifetime.js";

export const CHANNEL = "vitlab-talk";
const ASK_MS = 1000; // a speaker window asks this often
const SILENT_MS = 3500; // without an answer for so long, the tab that presents counts as closed

/**
 * The end in the tab that presents.
 * `identity` is { talk, id, started }: the name of the talk, a random id of the tab, and when the talk
 * began (ms). `actions` has the functions go(index), reveal() and restart(), which a speaker window calls.
 */
export class Presenter {
  constructor(channel, identity, actions) {
    this.channel = channel;
    this.identity = identity;
    this.actions = actions;
    this.shown = null; // { at, answered }
    channel.onmessage = ({ data }) => this.receive(data);
  }

  // Report the step that is shown, from 0, and whether the answer to its question is.
  show(at, answered) {
    if (this.shown?.at === at && this.shown.answered === answered) return;
    this.shown = { at, answered };
    this.post("moved");
  }

  restart(started) {
    this.identity.started = started;
    this.post("moved");
  }

  leave() {
    this.post("left");
    this.channel.close();
  }

  post(reason) {
    this.channel.postMessage({ from: "presenter", reason, ...this.identity, ...this.shown });
  }

  receive(message) {
    if (message.from !== "speaker" || message.talk !== this.identity.talk) return;
    if (message.ask) return this.shown && this.post("asked");
    if (message.to !== this.identity.id) return;
    if (message.action === "go") this.actions.go(message.index);
    if (message.action === "reveal") this.actions.reveal();
    if (message.action === "restart") this.actions.restart();
  }
}

/**
 * The end in the speaker window. `onChange` is called when the step, the answer or the connection has
 * changed. With several tabs that present the talk, it follows the one that moved last.
 */
export class Follower {
  constructor(channel, talk, onChange, now = () => Date.now()) {
    this.channel = channel;
    this.talk = talk;
    this.onChange = onChange;
    this.now = now;
    this.presenter = null; // the last message of the tab that presents
    this.heard = 0; // when it came
    channel.onmessage = ({ data }) => this.receive(data);
    this.ask();
  }

  ask() {
    this.channel.postMessage({ from: "speaker", talk: this.talk, ask: true });
  }

  // Ask again. Call this every ASK_MS.
  tick() {
    this.ask();
    if (this.presenter && this.now() - this.heard > SILENT_MS) this.forget();
  }

  forget() {
    this.presenter = null;
    this.onChange();
  }

  receive(message) {
    if (message.from !== "presenter" || message.talk !== this.talk) return;
    const same = this.presenter?.id === message.id;
    if (message.reason === "left") return same && this.forget();
    if (this.presenter && !same && message.reason === "asked") return;
    this.presenter = message;
    this.heard = this.now();
    this.onChange();
  }

  /** Make the tab that presents go to a step, from 0. Returns false if there is no such tab. */
  go(index) {
    return this.send({ action: "go", index });
  }

  reveal() {
    return this.send({ action: "reveal" });
  }

  restart() {
    return this.send({ action: "restart" });
  }

  send(action) {
    if (!this.presenter) return false;
    this.channel.postMessage({ from: "speaker", talk: this.talk, to: this.presenter.id, ...action });
    return true;
  }
}

/** Call follower.tick until `signal` is aborted. */
export function keepAsking(follower, signal) {
  repeat(() => follower.tick(), ASK_MS, signal);
}
