// The explorer's state in the address.

import { neighborOf, parseToken, tokenName, tokenText } from "../../../dashboard/components/shared/tokens.js";
import assert from "node:assert/strict";
import { addressOf, readState, stateText } from "../../../dashboard/components/explorer/state.js";

const SNAPSHOTS = [{ step: 10 }, { step: 351 }, { step: null }];
// as `ExplorerState.for_browser` sends them
const PARAMETERS = {
  names: [
    "query",
    "second",
    "layer",
    "head",
    "map",
    "direction",
    "scale",
    "content",
    "overlay",
    "snapshot",
    "mask",
    "over",
    "order",
  ],
  choices: {
    direction: ["queries", "keys"],
    scale: ["layer", "shared", "root", "map"],
    content: ["image", "positions"],
    order: ["layers", "distance", "change"],
  },
};
const HEADER = {
  layers: 6,
  heads: 8,
  side: 8,
  first: 1,
  only: null,
  snapshots: SNAPSHOTS,
  parameters: PARAMETERS,
};
const WITHOUT_CLS = { ...HEADER, first: 0 };
const search = (state, header) => new URLSearchParams(stateText(state, header)).toString();

Deno.test("the default state has no query parameters", () => {
  const state = readState("", HEADER);
  assert.deepEqual(state, {
    query: null,
    second: null,
    layer: 5,
    head: 0,
    map: "head",
    direction: "queries",
    scale: "layer",
    content: "image",
    overlay: true,
    snapshot: null,
    mask: null,
    over: null,
    order: "layers",
  });
  assert.equal(search(state, HEADER), "");
  assert.deepEqual(Object.keys(addressOf(state, HEADER)), PARAMETERS.names);
  assert.ok(Object.values(addressOf(state, HEADER)).every((text) => text === null));
});

Deno.test("every state comes back from its query parameters", () => {
  const state = {
    query: 19,
    second: 0,
    layer: 6,
    head: 3,
    map: "rollout",
    direction: "keys",
    scale: "map",
    content: "positions",
    overlay: false,
    snapshot: 351,
    mask: "abc123.__8",
    over: "test",
    order: "change",
  };
  const text = search(state, HEADER);
  assert.equal(
    text,
    "query=3.3&second=cls&layer=mean&head=4&map=rollout&direction=keys&scale=map&content=positions" +
      "&overlay=off&snapshot=351&mask=abc123.__8&over=test&order=change",
  );
  assert.deepEqual(readState(text, HEADER), state);
});

Deno.test("every token comes back from its text", () => {
  for (const header of [HEADER, WITHOUT_CLS]) {
    const tokens = Array.from({ length: 64 + header.first }, (_, i) => i);
    const texts = tokens.map((token) => tokenText(token, header));
    assert.equal(new Set(texts).size, tokens.length);
    assert.deepEqual(texts.map((text) => parseToken(text, header)), tokens);
  }
  assert.equal(tokenText(19, HEADER), "3.3");
  assert.equal(tokenName(19, HEADER), "row 3, column 3");
  assert.equal(tokenName(0, HEADER), "CLS");
});

Deno.test("values that this model or run does not have give the default", () => {
  const wrong = "query=9.1&second=1.1&layer=7&head=0&map=other&direction=up&scale=x&content=y&overlay=no" +
    "&snapshot=11&over=train&order=size";
  assert.deepEqual(readState(wrong, HEADER), readState("", HEADER));
  for (const text of ["cls", "0.1", "1.9", "1", "1.1.5x", "a.b", "", null, "1.5.2.x"]) {
    const token = parseToken(text, WITHOUT_CLS);
    assert.ok(token === null || (token >= 0 && token < 64), `${text}: ${token}`);
  }
  assert.equal(parseToken("cls", WITHOUT_CLS), null);
});

Deno.test("a second token is ignored without a first one", () => {
  assert.equal(readState("second=1.1", HEADER).second, null);
  assert.equal(readState("query=2.2&second=1.1", HEADER).second, 1);
});

Deno.test("the rollout is not available if the maps are loaded on demand", () => {
  assert.equal(readState("map=rollout", { ...HEADER, only: 5 }).map, "head");
});

Deno.test("the neighbor of a patch stays within the image", () => {
  const at = (row, column) => 1 + 8 * row + column;
  assert.equal(neighborOf(at(3, 3), 1, 0, HEADER), at(3, 4));
  assert.equal(neighborOf(at(3, 3), 0, -1, HEADER), at(2, 3));
  assert.equal(neighborOf(at(0, 7), 1, 0, HEADER), at(0, 7));
  assert.equal(neighborOf(at(7, 0), -1, 1, HEADER), at(7, 0));
  for (const start of [null, 0]) assert.equal(neighborOf(start, 1, 0, HEADER), at(4, 4));
  assert.equal(neighborOf(0, 1, 0, WITHOUT_CLS), 1); // without CLS, token 0 is a patch
});

Deno.test("a run's snapshot at step 0 is shown only if the link names it", () => {
  const header = { ...HEADER, snapshots: [{ step: 0 }, ...SNAPSHOTS] };
  assert.equal(readState("", header).snapshot, null);
  assert.equal(readState("snapshot=", header).snapshot, null);
  assert.equal(readState("snapshot=0", header).snapshot, 0);
  assert.equal(search(readState("snapshot=0", header), header), "snapshot=0");
  assert.equal(readState("snapshot=0", HEADER).snapshot, null);
});

Deno.test("a view may begin with another layer than the last one", () => {
  const header = { ...HEADER, startLayer: 1 }, state = readState("", header);
  assert.equal(state.layer, 1);
  assert.equal(search(state, header), "");
  const last = { ...state, layer: HEADER.layers - 1 };
  assert.deepEqual(readState(search(last, header), header), last); // and the link names the last one
});
