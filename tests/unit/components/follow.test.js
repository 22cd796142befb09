// A speaker window follows the tab that presents, in whatever order the two are opened and reloaded.

import assert from "node:assert/strict";
import { Follower, Presenter } from "../../../dashboard/components/shared/follow.js";
import { clockText, elapsedText } from "../../../dashboard/components/speaker/clock.js";
import { direction, isForTalk } from "../../../dashboard/components/shared/talk_keys.js";

// Channels that deliver to each other at once, as BroadcastChannels of one name do later.
function air() {
  const all = new Set();
  return () => {
    const channel = {
      onmessage: null,
      postMessage(data) {
        for (const other of all) if (other !== channel) other.onmessage?.({ data: structuredClone(data) });
      },
      close: () => all.delete(channel),
    };
    all.add(channel);
    return channel;
  };
}

function present(open, changes = {}) {
  const calls = [];
  const actions = {
    go: (index) => calls.push(["go", index]),
    reveal: () => calls.push(["reveal"]),
    restart: () => calls.push(["restart"]),
  };
  const presenter = new Presenter(open(), { talk: "why", id: "a", started: 1000, ...changes }, actions);
  return { presenter, calls };
}

function follow(open, talk = "why") {
  const clock = { ms: 0 };
  let changes = 0;
  const follower = new Follower(open(), talk, () => changes++, () => clock.ms);
  return { follower, clock, changes: () => changes, at: () => follower.presenter?.at };
}

Deno.test("a speaker window opened before or after the talk shows its step", () => {
  const open = air();
  const early = follow(open);
  assert.equal(early.at(), undefined);
  const { presenter } = present(open);
  presenter.show(4, false);
  const late = follow(open);
  for (const one of [early, late]) {
    assert.equal(one.at(), 4);
    assert.equal(one.follower.presenter.answered, false);
    assert.equal(one.follower.presenter.started, 1000);
  }
  presenter.show(4, true);
  assert.equal(late.follower.presenter.answered, true);
});

Deno.test("an unchanged step is reported once", () => {
  const open = air();
  const { presenter } = present(open);
  const speaker = follow(open);
  presenter.show(1, true);
  presenter.show(1, true);
  assert.equal(speaker.changes(), 1);
});

Deno.test("a reload of the talk closes the connection and opens it again", () => {
  const open = air();
  const first = present(open).presenter;
  const speaker = follow(open);
  first.show(2, true);
  first.leave();
  assert.equal(speaker.follower.presenter, null);
  assert.equal(speaker.follower.go(3), false);
  present(open).presenter.show(2, true);
  assert.equal(speaker.at(), 2);
});

Deno.test("a tab that disappears without a message counts as closed after some seconds", () => {
  const open = air();
  const { presenter } = present(open);
  const speaker = follow(open);
  presenter.show(2, true);
  for (const ms of [1000, 3000, 6000]) {
    speaker.clock.ms = ms;
    speaker.follower.tick();
    assert.equal(speaker.at(), 2); // it answers
  }
  presenter.channel.close();
  speaker.clock.ms = 7000;
  speaker.follower.tick();
  assert.equal(speaker.at(), 2);
  speaker.clock.ms = 10_000;
  speaker.follower.tick();
  assert.equal(speaker.at(), undefined);
});

Deno.test("of two tabs with the talk, the one that moved last is followed and moved", () => {
  const open = air();
  const a = present(open, { id: "a" }), b = present(open, { id: "b" });
  a.presenter.show(1, true);
  b.presenter.show(5, true);
  const speaker = follow(open);
  a.presenter.show(2, true);
  assert.equal(speaker.at(), 2);
  speaker.follower.tick(); // both answer
  assert.equal(speaker.at(), 2);
  speaker.follower.go(3);
  assert.deepEqual([a.calls, b.calls], [[["go", 3]], []]);
  b.presenter.show(6, true);
  assert.equal(speaker.at(), 6);
  a.presenter.leave();
  assert.equal(speaker.at(), 6);
});

Deno.test("the speaker window reveals answers and restarts the time", () => {
  const open = air();
  const { presenter, calls } = present(open);
  const speaker = follow(open);
  presenter.show(1, false);
  speaker.follower.reveal();
  speaker.follower.restart();
  assert.deepEqual(calls, [["reveal"], ["restart"]]);
  presenter.restart(9000);
  assert.equal(speaker.follower.presenter.started, 9000);
});

Deno.test("other talks are ignored", () => {
  const open = air();
  const other = present(open, { talk: "other" });
  const speaker = follow(open);
  other.presenter.show(3, true);
  assert.equal(speaker.at(), undefined);
  speaker.follower.tick();
  assert.equal(speaker.at(), undefined);
});

Deno.test("elapsed time has hours from the first one on", () => {
  const texts = [0, 9_999, 65_000, 3_599_000, 3_600_000, 36_061_000, -5].map(elapsedText);
  assert.deepEqual(texts, ["0:00", "0:09", "1:05", "59:59", "1:00:00", "10:01:01", "0:00"]);
  assert.equal(clockText(new Date(2026, 0, 1, 9, 5)), "09:05");
});

Deno.test("keys of text fields, buttons and shortcuts are not keys of the talk", () => {
  const press = (key, changes = {}) => /** @type {any} */ ({ key, ...changes });
  assert.equal(isForTalk(press("ArrowRight"), "BODY"), true);
  assert.equal(isForTalk(press("ArrowRight"), "INPUT"), false);
  assert.equal(isForTalk(press("PageDown"), "INPUT"), true);
  assert.equal(isForTalk(press(" "), "BUTTON"), false);
  assert.equal(isForTalk(press("s", { ctrlKey: true }), "BODY"), false);
  assert.deepEqual(["PageDown", " ", "ArrowLeft", "n"].map(direction), [1, 1, -1, 0]);
});
