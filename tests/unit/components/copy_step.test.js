// The link that a step of a talk gets.

import assert from "node:assert/strict";
import mountCopyStep from "../../../dashboard/components/copy_step/copy_step.js";

function reportedLink(root, href) {
  const globals = { window: { location: { href } }, __streamlit: { BACKEND_BASE_URL: root } };
  const { setInterval } = globalThis, links = [], element = { children: [{}, {}, {}] };
  Object.assign(globalThis, globals, { setInterval: () => 0 });
  try {
    mountCopyStep({
      parentElement: { querySelector: () => element },
      setStateValue: (_name, link) => links.push(link),
    });
  } finally {
    globalThis.setInterval = setInterval;
    for (const name of Object.keys(globals)) delete globalThis[name];
  }
  return links.at(-1);
}

Deno.test("the link of a step names the page, also below the prefix of a proxy", () => {
  for (const root of ["http://localhost:8501/", "https://example.org/proxy/8501/"]) {
    assert.equal(reportedLink(root, root), "overview");
    assert.equal(reportedLink(root, `${root}?look=cat&talk=why`), "overview?look=cat");
    assert.equal(reportedLink(root, `${root}attention?class=cat`), "attention?class=cat");
    assert.equal(reportedLink(root, `${root}attention/`), "attention");
  }
});
