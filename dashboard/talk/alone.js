// A file without a server: mounts the parts on their data, and moves a talk on.

const told = JSON.parse(document.getElementById("told").textContent);
const bytesIn = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));

function mount(piece) {
  const { part } = piece.dataset;
  const data = document.getElementById(`data-${piece.dataset.piece}`)?.textContent;
  if (part === "figure") draw(piece.querySelector(".alone-figure"), JSON.parse(data));
  if (piece.dataset.done) return;
  piece.dataset.done = "yes";
  if (PARTS[part]) PARTS[part]({ data: bytesIn(data), parentElement: piece, setTriggerValue: () => {} });
}

// Streamlit's colours for what a figure leaves open. Whenever its step is shown, and when the theme changes: while
// it was hidden the window may have become another one, and what is hidden has no size to take.
function draw(place, { data, layout }) {
  const scale = Math.max(0.6, Math.min(window.innerHeight / 720, window.innerWidth / 960)); // as in a talk: talk.js
  const inner = place.firstElementChild ?? place.appendChild(document.createElement("div"));
  inner.style.cssText = `width:${place.clientWidth / scale}px;height:${place.clientHeight / scale}px;` +
    `transform:scale(${scale});transform-origin:0 0`;
  const style = getComputedStyle(document.documentElement);
  const colour = (name) => style.getPropertyValue(`--st-${name}`).trim();
  const axis = { gridcolor: colour("border-color"), linecolor: colour("border-color"), zeroline: false, automargin: true, title: { standoff: 14 } };
  const template = { layout: { font: { color: colour("text-color") }, xaxis: axis, yaxis: axis } };
  window.Plotly.newPlot(inner, data, { ...layout, template }, { displayModeBar: false });
}

const mountShown = () => document.querySelectorAll(".alone-step:not([hidden]) .alone-piece").forEach(mount);

function show(at) {
  document.querySelectorAll(".alone-step").forEach((step, i) => (step.hidden = i !== at));
  mountShown();
  const { title, note, source } = told.steps[at];
  const words = { at, count: told.steps.length, titles: told.steps.map((s) => s.title), title, note, source };
  PARTS.talk({ data: words, parentElement: document.getElementById("talk"), setTriggerValue: move });
}

// The step that the address names, `#3`; the first for anything else.
function stepIn(hash) {
  const at = Number(hash.slice(1)) - 1;
  return told.steps[at] ? at : 0;
}

function move(name, value) {
  if (name !== "go") return;
  window.history.replaceState(null, "", `#${value}`);
  show(value - 1);
}

if (told.alone === "talk") {
  show(stepIn(window.location.hash));
  window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", mountShown);
  let later = 0;
  window.addEventListener("resize", () => {
    clearTimeout(later);
    later = setTimeout(mountShown, 150);
  });
  window.addEventListener("hashchange", () => show(stepIn(window.location.hash)));
} else document.querySelectorAll(".alone-piece").forEach(mount);
