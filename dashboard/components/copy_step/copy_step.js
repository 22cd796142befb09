// YAML of a step: JSON strings are YAML strings, whatever the title holds.

function lines() {
  const url = new URL(window.location.href);
  url.searchParams.delete("talk");
  const page = url.pathname.split("/").filter(Boolean).pop() ?? "overview";
  /** @type {HTMLElement} */
  const heading = document.querySelector('[data-testid="stMain"] h1');
  const title = heading?.innerText.trim() || "A step";
  const parts = { title, say: "One sentence for the audience.", link: page + url.search };
  const text = Object.entries(parts).map(([name, value]) => `${name}: ${JSON.stringify(value)}`);
  return `  - ${text.join("\n    ")}\n`;
}

export default function ({ parentElement }) {
  const root = parentElement.querySelector(".talkstep");
  const [button, text, status] = root.children;
  button.onclick = async () => {
    text.value = lines();
    text.hidden = false;
    let said = "Copied: paste these lines into a talk file. An own image is not part of a link.";
    try {
      await navigator.clipboard.writeText(text.value);
    } catch {
      text.select(); // not over plain http from another machine
      said = "Copy these lines into a talk file. An own image is not part of a link.";
    }
    status.textContent = said;
  };
}
