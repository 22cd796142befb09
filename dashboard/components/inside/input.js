// Buttons, keyboard and pointer of a stepper.

import { copyLink } from "../shared/link.js";

const TYPED = /^(INPUT|TEXTAREA|SELECT)$/;

/**
 * Connect the controls, the keys and the pointer with a stepper. `own` has what the stepper adds: `actions`
 * of more buttons, `choices` by the name of their group, `keys`, `move(dx, dy)` for what is chosen in the
 * image, `turn(by)` for the head or the channel, and `click(found)`.
 * @param {any} stepper
 * @param {any} own
 */
export function listen(stepper, own) {
  listenToButtons(stepper, own);
  listenToKeys(stepper, own);
  listenToPointer(stepper, own);
}

function listenToButtons(stepper, own) {
  const { root } = stepper;
  const actions = {
    back: () => stepper.visit(stepper.step - 1),
    next: () => stepper.advance(),
    play: () => stepper.play(!stepper.playing),
    link: () => copyLink(root, stepper.block.header.own),
    ...own.actions,
  };
  root.addEventListener("click", (event) => {
    const button = event.target.closest("[data-do]");
    if (button) actions[button.dataset.do](button);
  });
  const choose = (group, act) => {
    group.addEventListener("click", (event) => {
      const index = event.target.closest("button")?.dataset.index;
      if (index !== undefined) act(Number(index));
    });
  };
  choose(root.querySelector("ol"), (step) => stepper.visit(step));
  for (const group of root.querySelectorAll("[data-choose]")) {
    choose(group, own.choices[group.dataset.choose]);
  }
}

function listenToKeys(stepper, own) {
  const { root } = stepper;
  stepper.press = (event) => {
    if (!stepper.block || TYPED.test(event.target.tagName) || keyTarget() !== root) return;
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { talk } = stepper.block.header;
    // these keys move to another step of the talk
    if (talk && (event.key === " " || event.key.startsWith("Arrow"))) return;
    if (event.key === " " && event.target !== root && event.target !== document.body) return; // a button
    const act = keyAction(stepper, own, event);
    if (!act) return;
    event.preventDefault();
    event.stopImmediatePropagation(); // Streamlit has a shortcut for `c`
    act();
  };
}

// The stepper that takes a key: the one under the pointer, or else the one with the focus.
const keyTarget = () =>
  document.querySelector(".inside:hover") ?? document.activeElement?.closest(".inside") ?? null;

// The left and right arrows change the step, up and down what is written out. With Shift they move what is
// chosen in the image.
function keyAction(stepper, own, { key, shiftKey }) {
  const arrows = {
    ArrowLeft: [() => own.move(-1, 0), () => stepper.visit(stepper.step - 1)],
    ArrowRight: [() => own.move(1, 0), () => stepper.advance()],
    ArrowUp: [() => own.move(0, -1), () => stepper.movePointer(-1)],
    ArrowDown: [() => own.move(0, 1), () => stepper.movePointer(1)],
  };
  if (Object.hasOwn(arrows, key)) return arrows[key][shiftKey ? 0 : 1];
  const keys = {
    "[": () => stepper.load(stepper.blockIndex - 1),
    "]": () => stepper.load(stepper.blockIndex + 1),
    ",": () => own.turn(-1),
    ".": () => own.turn(1),
    " ": () => stepper.play(!stepper.playing),
    ...own.keys,
  };
  return Object.hasOwn(keys, key) ? keys[key] : null;
}

function listenToPointer(stepper, own) {
  const { canvas } = stepper;
  let pressed = null; // what was under the pointer when it went down
  const find = (event) => {
    const box = canvas.getBoundingClientRect();
    return stepper.block ? stepper.hitTest(event.clientX - box.left, event.clientY - box.top) : null;
  };
  const track = (event) => {
    const found = find(event);
    if (found || stepper.hovered !== null || stepper.pin) stepper.point(found);
  };
  canvas.addEventListener("pointermove", track);
  canvas.addEventListener("pointerdown", (event) => {
    pressed = find(event);
    track(event);
  });
  canvas.addEventListener("pointerleave", () => stepper.block && stepper.point(null));
  canvas.addEventListener("click", (event) => {
    // a click has whole pixels, which may be other rows than those of the pointer
    const found = pressed ?? find(event);
    pressed = null;
    if (found) own.click(found);
  });
}

/**
 * Show the buttons of a group, and which one is chosen. Return the group.
 * @param {any} stepper
 * @param {string} name of the group
 * @param {string} word in front of the buttons
 * @param {string[]} labels
 * @param {number} chosen
 */
export function fill({ root }, name, word, labels, chosen) {
  const group = root.querySelector(`[data-choose="${name}"]`);
  if (group.childElementCount !== labels.length + 1) {
    const title = Object.assign(document.createElement("span"), { textContent: word });
    group.replaceChildren(title, ...labels.map((text, n) => numbered(text, n, `${word} ${text}`)));
  }
  group.querySelectorAll("button").forEach((button, n) =>
    button.setAttribute("aria-pressed", String(n === chosen))
  );
  return group;
}

/**
 * Show a button for each block.
 * @param {any} stepper
 * @param {string} name of the group
 * @param {string[]} labels
 */
export function fillBlocks(stepper, name, labels) {
  const group = fill(stepper, name, "Block", labels, stepper.asked ?? stepper.blockIndex);
  group.classList.toggle("fixed", Boolean(stepper.block.header.standalone));
}

/**
 * Show the steps, which one is shown, and whether they play.
 * @param {any} stepper
 */
export function showSteps({ root, step, titles, lastStep, onward, continues, playing }) {
  const list = root.querySelector("ol"), names = titles.map((title, n) => `${n + 1} ${title}`);
  if (list.textContent !== names.join("")) {
    list.replaceChildren(...titles.map((title, n) => {
      const item = document.createElement("li"), button = numbered(`${n + 1}`, n, names[n]);
      button.append(Object.assign(document.createElement("span"), { textContent: ` ${title}` }));
      button.title = names[n]; // a narrow stepper shows only the number
      item.append(button);
      return item;
    }));
  }
  list.querySelectorAll("button").forEach((button, n) => {
    if (n === step) button.setAttribute("aria-current", "step");
    else button.removeAttribute("aria-current");
  });
  const ends = step === lastStep, next = root.querySelector('[data-do="next"]');
  next.textContent = ends && onward ? onward.label : "Next";
  next.disabled = ends && !continues;
  root.querySelector('[data-do="back"]').disabled = step === 0;
  root.querySelector('[data-do="play"]').textContent = playing ? "Pause" : "Play";
}

// Return labels from 1 for a number of buttons.
export const countedTo = (count) => Array.from({ length: count }, (_, n) => String(n + 1));

// Return a button with a number for the listener of its group.
function numbered(text, index, label) {
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: text });
  button.dataset.index = String(index);
  button.setAttribute("aria-label", label);
  return button;
}
