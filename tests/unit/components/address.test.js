// What a component writes into the page's address, on a window and a clock of our own.

import assert from "node:assert/strict";
import { keepAddress, writeAddress } from "../../../dashboard/components/shared/address.js";

// A window at this address, as far as address.js uses it. -> { location, written }
function openWindow(href) {
  const location = new URL(href), written = [];
  const replaceState = (_state, _title, url) => {
    written.push(String(url));
    location.href = url;
  };
  Object.assign(globalThis, { window: { location, history: { state: null, replaceState } } });
  return { location, written };
}

// Run with timers that fire when `tick` is called. -> the timers that are still set
function withTimers(act) {
  const { setInterval, clearInterval } = globalThis, timers = new Map();
  let last = 0;
  Object.assign(globalThis, {
    setInterval: (call) => {
      timers.set(++last, call);
      return last;
    },
    clearInterval: (id) => timers.delete(id),
  });
  try {
    act(() => [...timers.values()].forEach((call) => call()), timers);
  } finally {
    Object.assign(globalThis, { setInterval, clearInterval });
  }
}

Deno.test("names are set, changed and left out, and others stay", () => {
  const { location, written } = openWindow("http://host/attention?run=a&query=1.1&head=2");
  writeAddress({ query: "3.4", head: null, layer: "mean" });
  assert.equal(location.search, "?run=a&query=3.4&layer=mean");
  writeAddress({ query: "3.4", head: null });
  assert.equal(written.length, 1); // nothing changed: nothing is written
});

Deno.test("what another script removes is written again until the component is gone", () => {
  const { location } = openWindow("http://host/attention"), root = { isConnected: true };
  let left = 0;
  withTimers((tick, timers) => {
    keepAddress(root, () => ({ query: "3.4" }), () => left++);
    keepAddress(root, () => ({ query: "9.9" })); // it is kept already
    tick();
    assert.equal(location.search, "?query=3.4");
    location.search = "";
    tick();
    assert.equal(location.search, "?query=3.4");
    root.isConnected = false;
    location.search = "";
    tick();
    assert.deepEqual([location.search, left, timers.size], ["", 1, 0]);
    root.isConnected = true; // it is on the page again
    keepAddress(root, () => ({ query: "1.2" }));
    tick();
    assert.equal(location.search, "?query=1.2");
  });
});

Deno.test("another page's address is left alone, and so is one that nothing is kept in", () => {
  const { location } = openWindow("http://host/attention");
  let kept = null;
  withTimers((tick) => {
    keepAddress({ isConnected: true }, () => kept);
    tick();
    assert.equal(location.search, "");
    kept = { query: "3.4" };
    location.pathname = "/training";
    tick();
    assert.equal(location.search, "");
    location.pathname = "/attention";
    tick();
    assert.equal(location.search, "?query=3.4");
  });
});
