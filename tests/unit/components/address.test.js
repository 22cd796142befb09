// The query parameters that components write, with a fake window and fake timers.

import assert from "node:assert/strict";
import { keepAddress, writeAddress } from "../../../dashboard/components/shared/address.js";
import { whileMounted } from "../../../dashboard/components/shared/lifetime.js";

// Install a fake window at this address. Return its location and the addresses that were written.
function installWindow(href) {
  const location = new URL(href), written = [];
  const replaceState = (_state, _title, url) => {
    written.push(String(url));
    location.href = url;
  };
  Object.assign(globalThis, { window: { location, history: { state: null, replaceState } } });
  return { location, written };
}

// Call `act(tick, timers)` with fake timers, which fire when `tick` is called.
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

Deno.test("parameters are set, changed and deleted, and others stay", () => {
  const { location, written } = installWindow("http://host/attention?run=a&query=1.1&head=2");
  writeAddress({ query: "3.4", head: null, layer: "mean" });
  assert.equal(location.search, "?run=a&query=3.4&layer=mean");
  writeAddress({ query: "3.4", head: null });
  assert.equal(written.length, 1); // unchanged parameters are not written again
});

Deno.test("deleted parameters are written again until the component is removed", () => {
  const { location } = installWindow("http://host/attention"), root = { isConnected: true };
  let left = 0;
  withTimers((tick, timers) => {
    const keep = (parameters) => (signal) => {
      keepAddress(root, () => parameters, signal);
      signal.addEventListener("abort", () => left++);
    };
    whileMounted(root, keep({ query: "3.4" }));
    whileMounted(root, keep({ query: "9.9" })); // ignored: the component is still on the page
    tick();
    assert.equal(location.search, "?query=3.4");
    location.search = "";
    tick();
    assert.equal(location.search, "?query=3.4");
    root.isConnected = false;
    location.search = "";
    tick();
    assert.deepEqual([location.search, left, timers.size], ["", 1, 0]);
    root.isConnected = true; // mounted again
    whileMounted(root, keep({ query: "1.2" }));
    tick();
    assert.equal(location.search, "?query=1.2");
  });
});

Deno.test("nothing is written on another page or without parameters", () => {
  const { location } = installWindow("http://host/attention");
  let parameters = null;
  withTimers((tick) => {
    keepAddress({ isConnected: true }, () => parameters, new AbortController().signal);
    tick();
    assert.equal(location.search, "");
    parameters = { query: "3.4" };
    location.pathname = "/training";
    tick();
    assert.equal(location.search, "");
    location.pathname = "/attention";
    tick();
    assert.equal(location.search, "?query=3.4");
  });
});
