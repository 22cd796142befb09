// Buttons, keyboard and pointer of the stepper through a convolution.

import { onPlace } from "../shared/places.js";
import { TITLES } from "./words.js";

const MODIFIERS = ["ctrlKey", "metaKey", "altKey"];

export class ConvolutionInput {
  constructor(stepper) {
    this.stepper = stepper;
    this.root = stepper.root;
    this.listenToButtons();
    this.listenToKeys();
    this.listenToPointer();
    onPlace((place) => this.follow(place));
  }

  // Show the place that was chosen in the stepper of a ViT, if both are on the page.
  follow({ row, column }) {
    const { stepper, root } = this;
    if (!stepper.block || !root.isConnected || stepper.block.header.stepName === "step") return;
    const { side } = stepper.one;
    stepper.set({ pinned: { row: Math.floor(row * side), column: Math.floor(column * side) } });
  }

  listenToButtons() {
    const { stepper, root } = this;
    const actions = {
      back: () => stepper.visit(stepper.step - 1),
      next: () => stepper.advance(),
      play: () => stepper.play(!stepper.playing),
      less: () => stepper.chooseChannel(-1),
      more: () => stepper.chooseChannel(1),
    };
    for (const button of root.querySelectorAll("[data-do]")) {
      button.addEventListener("click", actions[button.dataset.do]);
    }
    for (const group of root.querySelectorAll("[data-choose]")) {
      group.addEventListener("click", (event) => {
        const index = event.target.closest("button")?.dataset.index;
        if (index === undefined) return;
        if (group.dataset.choose === "block") stepper.load(Number(index));
        else stepper.choose(Number(index));
      });
    }
    root.querySelector("ol").addEventListener("click", (event) => {
      const index = event.target.closest("button")?.dataset.index;
      if (index !== undefined) stepper.visit(Number(index));
    });
  }

  // The left and right arrows change the step, up and down what is written out. With Shift they move the
  // position.
  listenToKeys() {
    const { stepper, root } = this;
    root.addEventListener("keydown", (event) => {
      if (!stepper.block || MODIFIERS.some((name) => event[name])) return;
      const { talk } = stepper.block.header;
      if (talk && (event.key === " " || event.key.startsWith("Arrow"))) return; // for the talk
      if (event.key === " " && event.target !== root) return;
      const act = this.keyAction(event);
      if (!act) return;
      event.preventDefault();
      event.stopPropagation(); // Streamlit has a shortcut for `c`
      act();
    });
  }

  keyAction({ key, shiftKey }) {
    const { stepper } = this, { header } = stepper.block;
    const arrows = {
      ArrowLeft: [() => stepper.movePinned(0, -1), () => stepper.visit(stepper.step - 1)],
      ArrowRight: [() => stepper.movePinned(0, 1), () => stepper.advance()],
      ArrowUp: [() => stepper.movePinned(-1, 0), () => stepper.movePointer(-1)],
      ArrowDown: [() => stepper.movePinned(1, 0), () => stepper.movePointer(1)],
    };
    if (Object.hasOwn(arrows, key)) return arrows[key][shiftKey ? 0 : 1];
    const keys = {
      "[": () => stepper.load(header.block - 1),
      "]": () => stepper.load(header.block + 1),
      ",": () => stepper.chooseChannel(-1),
      ".": () => stepper.chooseChannel(1),
      c: () => stepper.choose((stepper.index + 1) % header.convolutions.length),
      " ": () => stepper.play(!stepper.playing),
    };
    return Object.hasOwn(keys, key) ? keys[key] : null;
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
      if (found?.place) stepper.set({ pinned: found.place });
      else if (found?.channel !== undefined) stepper.set({ channel: found.channel });
      else if (found?.pooled !== undefined) stepper.set({ channel: found.pooled });
    });
  }

  // Show a button for each block.
  showChoices() {
    const { stepper, root } = this, { header } = stepper.block;
    const labels = Array.from({ length: header.blocks + 1 }, (_, n) => n ? String(n) : "Input");
    this.fill("block", "Block", labels, stepper.asked ?? header.block);
    root.querySelector('[data-choose="block"]').classList.toggle("fixed", Boolean(header.standalone));
  }

  // Show the buttons of a choice.
  fill(name, word, labels, chosen) {
    const group = this.root.querySelector(`[data-choose="${name}"]`);
    if (group.childElementCount !== labels.length + 1) {
      const title = Object.assign(document.createElement("span"), { textContent: word });
      group.replaceChildren(title, ...labels.map((text, n) => numbered(text, n, `${word} ${text}`)));
    }
    group.querySelectorAll("button").forEach((button, n) =>
      button.setAttribute("aria-pressed", String(n === chosen))
    );
  }

  // Show the state in the controls.
  showState() {
    const { stepper, root } = this, { block: { header }, step, steps, index, playing } = stepper;
    const list = root.querySelector("ol"), names = steps.map((kind, n) => `${n + 1} ${TITLES[kind]}`);
    if (list.textContent !== names.join("")) {
      list.replaceChildren(...names.map((name, n) => {
        const item = document.createElement("li");
        item.append(numbered(name, n, name));
        return item;
      }));
    }
    list.querySelectorAll("button").forEach((button, n) => {
      if (n === step) button.setAttribute("aria-current", "step");
      else button.removeAttribute("aria-current");
    });
    const { length } = header.convolutions;
    this.fill("convolution", "Convolution", Array.from({ length }, (_, n) => String(n + 1)), index);
    root.querySelector('[data-choose="convolution"]').classList.toggle("single", length === 1);
    root.querySelector('[data-do="back"]').disabled = step === 0;
    const next = root.querySelector('[data-do="next"]'), last = step === steps.length - 1;
    const onward = last && index === length - 1;
    next.textContent = !last || stepper.atEnd
      ? "Next"
      : onward
      ? `Block ${header.block + 1}`
      : `Convolution ${index + 2}`;
    next.disabled = stepper.atEnd || (onward && Boolean(header.standalone));
    root.querySelector('[data-do="play"]').textContent = playing ? "Pause" : "Play";
  }
}

// Return a button with a number for the listener of its group.
function numbered(text, index, label) {
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: text });
  button.dataset.index = String(index);
  button.setAttribute("aria-label", label);
  return button;
}
