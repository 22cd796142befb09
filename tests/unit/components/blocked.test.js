// What components do where the browser refuses storage, or where a file does not arrive, and say about it.

import assert from "node:assert/strict";
import { copyLink } from "../../../dashboard/components/shared/link.js";
import { saveSvg } from "../../../dashboard/components/shared/picture.js";
import { loadPlotly } from "../../../dashboard/components/shared/plotly.js";
import { recall, remember } from "../../../dashboard/components/talk/memory.js";

/**
 * Replace globals while `act` runs.
 * @param {PropertyDescriptorMap} globals
 * @param {() => any} act
 */
async function withGlobals(globals, act) {
  const before = {};
  for (const name of Object.keys(globals)) before[name] = Object.getOwnPropertyDescriptor(globalThis, name);
  for (const [name, property] of Object.entries(globals)) {
    Object.defineProperty(globalThis, name, { ...property, configurable: true });
  }
  try {
    await act();
  } finally {
    for (const [name, property] of Object.entries(before)) {
      if (property) Object.defineProperty(globalThis, name, property);
      else delete globalThis[name];
    }
  }
}

Deno.test("a talk begins without a memory where the browser refuses storage", async () => {
  const refuse = () => {
    throw new DOMException("The operation is insecure.", "SecurityError");
  };
  await withGlobals({ sessionStorage: { get: refuse } }, () => {
    remember("talk", { id: "one" });
    assert.deepEqual(recall("talk"), {});
  });
  const stored = new Map();
  const storage = {
    getItem: (name) => stored.get(name) ?? null,
    setItem: (name, text) => stored.set(name, text),
  };
  await withGlobals({ sessionStorage: { value: storage } }, () => {
    assert.deepEqual(recall("talk"), {});
    remember("talk", { id: "one" });
    assert.deepEqual(recall("talk"), { id: "one" });
  });
});

Deno.test("a chart asks for plotly.js again after a failure, and once after a success", async () => {
  const scripts = [], Plotly = {};
  const document = { createElement: () => ({}), head: { appendChild: (script) => scripts.push(script) } };
  const globals = { document: { value: document }, __streamlit: { value: { BACKEND_BASE_URL: "/" } } };
  await withGlobals(globals, async () => {
    const first = loadPlotly();
    scripts[0].onerror();
    await assert.rejects(first, /not served/);
    const second = loadPlotly();
    assert.equal(loadPlotly(), second);
    assert.equal(scripts.length, 2);
    await withGlobals({ Plotly: { value: Plotly } }, async () => {
      scripts[1].onload();
      assert.equal(await second, Plotly);
    });
  });
});

Deno.test("a file can be saved after its font did not arrive once", async () => {
  const saved = [];
  let offline = true;
  const styleSheets = {
    [Symbol.iterator]() {
      if (offline) throw new TypeError("Failed to fetch");
      return [].values();
    },
  };
  const document = { createElement: () => ({ click: () => saved.push(true) }), styleSheets };
  await withGlobals({ document: { value: document }, setTimeout: { value: () => 0 } }, async () => {
    await assert.rejects(saveSvg("svg", "one", [1, 1], "<svg></svg>"));
    offline = false;
    await saveSvg("svg", "one", [1, 1], "<svg></svg>");
    assert.equal(saved.length, 1);
  });
});

Deno.test("a second message is not ended by the timer of the first", async () => {
  const timers = new Map(), message = { textContent: "" };
  const root = /** @type {any} */ ({ querySelector: () => message });
  let last = 0;
  const globals = {
    setTimeout: { value: (act) => (timers.set(++last, act), last) },
    clearTimeout: { value: (id) => timers.delete(id) },
    window: { value: { location: { href: "/" } } },
  };
  await withGlobals(globals, async () => {
    await copyLink(root, false);
    await copyLink(root, true);
  });
  assert.deepEqual([...timers.keys()], [2]);
  assert.match(message.textContent, /your own image/);
  timers.get(2)();
  assert.equal(message.textContent, "");
});
