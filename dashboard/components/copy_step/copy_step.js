// Copies the current view as a step of a talk file. The step is YAML; a JSON string is a valid YAML string.
// While it is shown, it also tells the server the link of the view, which contains what components write
// into the address.

import { repeat, whileMounted } from "../shared/lifetime.js";

const READ_MS = 400; // the address is read this often

function viewLink() {
  const url = new URL(window.location.href);
  url.searchParams.delete("talk");
  url.searchParams.delete("tour");
  const root = new URL(globalThis.__streamlit.BACKEND_BASE_URL).pathname; // with the prefix of a proxy
  const page = url.pathname.slice(root.length).split("/").filter(Boolean).pop() ?? "overview";
  return page + url.search;
}

function stepLines() {
  /** @type {HTMLElement} */
  const heading = document.querySelector('[data-testid="stMain"] h1');
  const title = heading?.innerText.trim() || "A step";
  const fields = { title, say: "One sentence for the audience.", link: viewLink() };
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${JSON.stringify(value)}`);
  return `  - ${lines.join("\n    ")}\n`;
}

export default function ({ parentElement, setStateValue }) {
  const root = parentElement.querySelector(".copy-step");
  const report = () => {
    const link = viewLink();
    if (root.reported === link) return;
    root.reported = link;
    setStateValue("link", link);
  };
  report();
  whileMounted(root, (signal) => repeat(report, READ_MS, signal));
  const [button, text, status] = root.children;
  button.onclick = async () => {
    text.value = stepLines();
    text.hidden = false;
    const note = "A link does not contain your own image.";
    try {
      await navigator.clipboard.writeText(text.value);
      status.textContent = `Copied. Paste these lines into a talk file. ${note}`;
    } catch {
      text.select(); // the clipboard is not available over plain http from another machine
      status.textContent = `Copy these lines into a talk file. ${note}`;
    }
  };
}
