// The script of a standalone file: mounts the components with their embedded data, and moves through a talk.

const RESIZED_MS = 150; // figures are drawn again when no resize follows within this time

// A loop, because the files of notebooks have many megabytes and `Uint8Array.from` is several times slower.
function decodeBase64(text) {
  const characters = atob(text), bytes = new Uint8Array(characters.length);
  for (let i = 0; i < characters.length; i++) bytes[i] = characters.charCodeAt(i);
  return bytes;
}

class StandaloneFile {
  // `components`: each component's default export by name. `content`: { standalone: "explorer" }, or
  // { standalone: "talk", titles, questions, steps: [{ note, source, answers }] }.
  constructor(components, content) {
    this.components = components;
    this.content = content;
  }

  open() {
    if (this.content.standalone === "talk") return this.openTalk();
    for (const piece of document.querySelectorAll(".standalone-piece")) this.mount(piece);
    for (const button of document.querySelectorAll(".standalone-images button")) {
      button.addEventListener("click", () => this.chooseImage(/** @type {HTMLElement} */ (button)));
    }
  }

  /**
   * Show another image in the component of the first piece, which keeps its state.
   * @param {HTMLElement} button
   */
  chooseImage(button) {
    for (const other of button.parentElement.children) {
      other.setAttribute("aria-pressed", String(other === button));
    }
    const piece = /** @type {HTMLElement} */ (document.querySelector(".standalone-piece"));
    this.send(piece, button.dataset.image);
  }

  // Give the data of a piece to the component in an element.
  send(element, number) {
    const component = this.components[element.dataset.part];
    const data = document.getElementById(`data-${number}`)?.textContent;
    if (component) component({ data: decodeBase64(data), parentElement: element, setTriggerValue: () => {} });
  }

  openTalk() {
    const showLinked = () => this.show(stepIn(window.location.hash, this.content.steps));
    showLinked();
    window.matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.mountShown());
    let timer = null;
    window.addEventListener("resize", () => {
      clearTimeout(timer);
      timer = setTimeout(() => this.mountShown(), RESIZED_MS);
    });
    window.addEventListener("hashchange", showLinked);
  }

  // Mount a component once. Draw a figure each time: its size and colors may have changed while it was
  // hidden.
  mount(piece) {
    const { part, piece: number } = piece.dataset;
    if (part === "figure") {
      const data = document.getElementById(`data-${number}`)?.textContent;
      drawFigure(piece.querySelector(".standalone-figure"), JSON.parse(data));
    }
    if (piece.dataset.done) return;
    piece.dataset.done = "yes";
    this.send(piece, number);
  }

  mountShown() {
    for (const piece of document.querySelectorAll(".standalone-step:not([hidden]) .standalone-piece")) {
      this.mount(piece);
    }
  }

  // `index` counts from 0.
  show(index) {
    const { steps, titles, questions } = this.content;
    document.querySelectorAll(".standalone-step").forEach((/** @type {HTMLElement} */ step, i) => {
      step.hidden = i !== index;
    });
    this.mountShown();
    this.components.talk({
      data: { at: index, count: steps.length, titles, questions, ...steps[index] },
      parentElement: document.getElementById("talk"),
      setTriggerValue: (name, value) => name === "go" && this.move(value),
    });
  }

  // `number` counts from 1, as in the address.
  move(number) {
    window.history.replaceState(null, "", `#${number}`);
    this.show(number - 1);
  }
}

// Draw a figure at the size of its place. Streamlit's colors apply where the figure sets none.
function drawFigure(place, { data, layout }) {
  const scale = Math.max(0.6, Math.min(window.innerHeight / 720, window.innerWidth / 960)); // as in talk.js
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

// The index of the step in the address, such as `#3`; 0 if there is no such step.
function stepIn(hash, steps) {
  const index = Number(hash.slice(1)) - 1;
  return steps[index] ? index : 0;
}

export default function (components) {
  const content = JSON.parse(document.getElementById("content").textContent);
  new StandaloneFile(components, content).open();
}
