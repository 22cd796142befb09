// Buttons, keyboard and pointer of the stepper through a block.

import { CLASSIFIER, JOIN, NORM, softens } from "./steps.js";
import { hasCls, neighborOf } from "../shared/tokens.js";
import { formatted } from "../shared/numbers.js";
import { showTokenButtons } from "../shared/token_buttons.js";
import { STEP_TITLES, titleOf } from "./words.js";

const FIELDS = /^(INPUT|TEXTAREA|SELECT)$/;

export class BlockInput {
  constructor(stepper) {
    this.stepper = stepper;
    this.root = stepper.root;
    this.addSteps();
    this.listenToButtons();
    this.listenToKeys();
    this.listenToPointer();
  }

  addSteps() {
    const list = this.root.querySelector("ol");
    STEP_TITLES.forEach((_, i) => {
      const button = list.appendChild(document.createElement("li")).appendChild(
        document.createElement("button"),
      );
      button.addEventListener("click", () => this.stepper.visit(i));
    });
  }

  listenToButtons() {
    const { stepper, root } = this;
    const actions = {
      back: () => stepper.visit(stepper.step - 1),
      next: () => stepper.advance(),
      play: () => stepper.play(!stepper.playing),
      cls: () => stepper.set({ query: 0 }),
      token: (button) => stepper.set({ query: Number(button.dataset.token) }),
      reset: () => stepper.set({ temperature: 1 }),
    };
    root.addEventListener("click", (event) => {
      const button = event.target.closest("[data-do]");
      if (button) actions[button.dataset.do](button);
    });
    for (const group of root.querySelectorAll("[data-choose]")) {
      group.addEventListener("click", (event) => {
        const index = event.target.closest("button")?.dataset.index;
        if (index === undefined) return;
        if (group.dataset.choose === "head") stepper.set({ head: Number(index) });
        else stepper.load(Number(index));
      });
    }
    root.querySelector("input").addEventListener("input", (event) => {
      stepper.set({ temperature: Number((10 ** Number(event.target.value)).toPrecision(3)) });
    });
  }

  // The left and right arrows change the step, up and down what is written out. With Shift they move the
  // token.
  listenToKeys() {
    const { stepper, root } = this;
    root.addEventListener("keydown", (event) => {
      if (
        !stepper.block || FIELDS.test(event.target.tagName) || event.ctrlKey || event.metaKey || event.altKey
      ) return;
      const { talk } = stepper.block.header;
      // these keys move to another step of the talk
      if (talk && (event.key === " " || event.key.startsWith("Arrow"))) return;
      if (event.key === " " && event.target !== root) return;
      const act = this.keyAction(event);
      if (!act) return;
      event.preventDefault();
      event.stopPropagation(); // Streamlit has a shortcut for `c`
      act();
    });
  }

  keyAction(event) {
    const { stepper } = this, { header } = stepper.block;
    const around = (v, count) => (v + count) % count;
    const move = (dx, dy) => () => stepper.set({ query: neighborOf(stepper.query, dx, dy, header) });
    const arrows = {
      ArrowLeft: [move(-1, 0), () => stepper.visit(stepper.step - 1)],
      ArrowRight: [move(1, 0), () => stepper.advance()],
      ArrowUp: [move(0, -1), () => stepper.movePointer(-1)],
      ArrowDown: [move(0, 1), () => stepper.movePointer(1)],
    };
    if (Object.hasOwn(arrows, event.key)) return arrows[event.key][event.shiftKey ? 0 : 1];
    const keys = {
      "[": () => stepper.load(header.layer - 1),
      "]": () => stepper.load(header.layer + 1),
      ",": () => stepper.set({ head: around(stepper.head - 1, header.heads) }),
      ".": () => stepper.set({ head: around(stepper.head + 1, header.heads) }),
      c: () => hasCls(header) && stepper.set({ query: 0 }),
      " ": () => stepper.play(!stepper.playing),
    };
    return Object.hasOwn(keys, event.key) ? keys[event.key] : null;
  }

  listenToPointer() {
    const { stepper } = this, { canvas } = stepper;
    const find = (event) => {
      const box = canvas.getBoundingClientRect();
      return stepper.block ? stepper.hitTest(event.clientX - box.left, event.clientY - box.top) : null;
    };
    const track = (event) => {
      const found = find(event);
      if (found || stepper.hovered !== null) stepper.point(found);
    };
    canvas.addEventListener("pointermove", track);
    canvas.addEventListener("pointerdown", track);
    canvas.addEventListener("pointerleave", () => stepper.block && stepper.point(null));
    canvas.addEventListener("click", (event) => {
      const found = find(event);
      if (found?.panel === "image") stepper.set({ query: found.token });
      else if (found?.panel === "parts") stepper.set({ head: found.item });
    });
  }

  // Show a button for each block and each head.
  showChoices() {
    const { stepper, root } = this, { header } = stepper.block;
    const fill = (name, label, count, chosen) => {
      const group = root.querySelector(`[data-choose="${name}"]`);
      const word = document.createElement("span");
      word.textContent = label;
      const buttons = Array.from({ length: count }, (_, i) => {
        const button = Object.assign(document.createElement("button"), {
          type: "button",
          textContent: String(i + 1),
        });
        button.dataset.index = String(i);
        button.setAttribute("aria-label", `${label} ${i + 1}`);
        button.setAttribute("aria-pressed", String(i === chosen));
        return button;
      });
      group.replaceChildren(word, ...buttons);
    };
    fill("layer", "Block", header.layers, stepper.asked ?? header.layer);
    fill("head", "Head", header.heads, stepper.head);
    root.querySelector('[data-choose="layer"]').classList.toggle("fixed", Boolean(header.standalone));
  }

  // Show the state in the controls.
  showState() {
    const { stepper, root } = this, { block, step, temperature, head, query, playing } = stepper;
    const { header } = block, last = header.layer === header.layers - 1;
    root.querySelectorAll("ol button").forEach((button, i) => {
      button.textContent = `${i + 1} ${titleOf(block, i)}`;
      button.disabled = i === CLASSIFIER && !last && Boolean(header.standalone);
      if (i === step) button.setAttribute("aria-current", "step");
      else button.removeAttribute("aria-current");
    });
    for (const button of root.querySelectorAll('[data-choose="head"] button')) {
      button.setAttribute("aria-pressed", String(Number(button.dataset.index) === head));
    }
    root.querySelector('[data-choose="head"]').classList.toggle("unused", step === NORM || step > JOIN);
    showTokenButtons(root, header, query);
    root.querySelector('[data-do="back"]').disabled = step === NORM;
    const next = root.querySelector('[data-do="next"]'), onward = step === CLASSIFIER - 1 && !last;
    next.textContent = onward ? `Block ${header.layer + 2}` : "Next";
    next.disabled = step === CLASSIFIER || (onward && Boolean(header.standalone));
    root.querySelector('[data-do="play"]').textContent = playing ? "Pause" : "Play";
    const slider = root.querySelector(".inside-temperature");
    root.classList.toggle("softened", softens(step));
    slider.querySelector("input").value = String(Math.log10(temperature));
    slider.querySelector("output").textContent = temperature === 1
      ? "1, the model's"
      : `${formatted(temperature)}, not the model's`;
    slider.querySelector("button").style.visibility = temperature === 1 ? "hidden" : "inherit";
    slider.classList.toggle("changed", temperature !== 1);
  }
}
