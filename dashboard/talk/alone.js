// A file without a server: mounts the parts on their data, and moves a talk on.

const RESIZED_MS = 150; // without another resize, before figures are drawn again

const bytesIn = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

class StandaloneFile {
  // `parts`: what each component's module exports, by name; `told`: { alone: "explorer" } or a talk with its
  // steps.
  constructor(parts, told) {
    this.parts = parts;
    this.told = told;
  }

  open() {
    if (this.told.alone === "talk") this.openTalk();
    else for (const piece of document.querySelectorAll(".alone-piece")) this.mount(piece);
  }

  openTalk() {
    const showLinked = () => this.show(stepIn(window.location.hash, this.told.steps));
    showLinked();
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.mountShown());
    let later = null;
    window.addEventListener("resize", () => {
      clearTimeout(later);
      later = setTimeout(() => this.mountShown(), RESIZED_MS);
    });
    window.addEventListener("hashchange", showLinked);
  }

  mount(piece) {
    const { part } = piece.dataset;
    const data = document.getElementById(`data-${piece.dataset.piece}`)?.textContent;
    if (part === "figure") drawFigure(piece.querySelector(".alone-figure"), JSON.parse(data));
    if (piece.dataset.done) return;
    piece.dataset.done = "yes";
    const component = this.parts[part];
    if (component) component({ data: bytesIn(data), parentElement: piece, setTriggerValue: () => {} });
  }

  mountShown() {
    for (const piece of document.querySelectorAll(".alone-step:not([hidden]) .alone-piece")) {
      this.mount(piece);
    }
  }

  show(at) {
    const { steps } = this.told, { title, note, source } = steps[at];
    document.querySelectorAll(".alone-step").forEach((/** @type {HTMLElement} */ step, i) => {
      step.hidden = i !== at;
    });
    this.mountShown();
    this.parts.talk({
      data: { at, count: steps.length, titles: steps.map((s) => s.title), title, note, source },
      parentElement: document.getElementById("talk"),
      setTriggerValue: (name, value) => name === "go" && this.move(value),
    });
  }

  move(number) {
    window.history.replaceState(null, "", `#${number}`);
    this.show(number - 1);
  }
}

// Streamlit's colors for what a figure leaves open. Whenever its step is shown, and when the theme changes:
// while it was hidden the window may have become another one, and what is hidden has no size to take.
function drawFigure(place, { data, layout }) {
  // as in a talk: talk.js
  const scale = Math.max(0.6, Math.min(window.innerHeight / 720, window.innerWidth / 960));
  const inner = place.firstElementChild ?? place.appendChild(document.createElement("div"));
  inner.style.cssText = `width:${place.clientWidth / scale}px;height:${place.clientHeight / scale}px;` +
    `transform:scale(${scale});transform-origin:0 0`;
  const style = getComputedStyle(document.documentElement);
  const color = (name) => style.getPropertyValue(`--st-${name}`).trim();
  const lines = { gridcolor: color("border-color"), linecolor: color("border-color"), zeroline: false };
  const axis = { ...lines, automargin: true, title: { standoff: 14 } };
  const template = { layout: { font: { color: color("text-color") }, xaxis: axis, yaxis: axis } };
  globalThis.Plotly.newPlot(inner, data, { ...layout, template }, { displayModeBar: false });
}

// The step that the address names, `#3`; the first for anything else.
function stepIn(hash, steps) {
  const at = Number(hash.slice(1)) - 1;
  return steps[at] ? at : 0;
}

export default function (parts) {
  const told = JSON.parse(document.getElementById("told").textContent);
  new StandaloneFile(parts, told).open();
}
