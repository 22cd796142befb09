// Buttons, keyboard and pointer of the stepper.

import { preventTouchMenu } from "../shared/touch.js";
import { clamp } from "./layout.js";
import { TITLES } from "./words.js";

/**
 * Add a button for each step, and connect all controls.
 * @param {any} stepper
 */
export function listen(stepper) {
  listenToButtons(stepper);
  listenToKeys(stepper);
  listenToPointer(stepper);
  preventTouchMenu(stepper.root);
}

function listenToButtons(stepper) {
  const list = stepper.root.querySelector("ol");
  TITLES.forEach((title, i) => {
    const item = list.appendChild(document.createElement("li"));
    const button = item.appendChild(document.createElement("button"));
    button.append(`${i + 1} ${title}`, document.createElement("small"));
    button.addEventListener("click", () => stepper.visit(i));
  });
  const actions = {
    back: () => stepper.visit(stepper.step - 1),
    next: () => stepper.visit(stepper.step + 1),
    play: () => stepper.play(!stepper.playing),
  };
  for (const button of stepper.root.querySelectorAll("[data-do]")) {
    button.addEventListener("click", actions[button.dataset.do]);
  }
}

// The arrows change the step, or the chosen patch if Shift is pressed. The space bar plays.
function listenToKeys(stepper) {
  stepper.root.addEventListener("keydown", (event) => {
    const direction = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (direction && event.shiftKey) {
      stepper.choose(clamp(stepper.chosen + direction, 0, stepper.count - 1), null);
    } else if (direction) stepper.visit(stepper.step + direction);
    else if (event.key === " " && event.target === stepper.root) stepper.play(!stepper.playing);
    else return;
    event.preventDefault();
  });
}

function listenToPointer(stepper) {
  const { canvas } = stepper;
  const track = (event) => {
    const box = canvas.getBoundingClientRect();
    const found = stepper.hitTest(event.clientX - box.left, event.clientY - box.top);
    if (found) stepper.choose(found.patch, found);
  };
  canvas.addEventListener("pointermove", track);
  canvas.addEventListener("pointerdown", track);
  canvas.addEventListener("pointerleave", () => stepper.choose(stepper.chosen, null));
}
