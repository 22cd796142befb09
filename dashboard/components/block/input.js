// Buttons, keyboard and pointer of the stepper through a block.

import { countedTo, fill, fillBlocks, listen, showSteps } from "../inside/input.js";
import { formatted } from "../shared/numbers.js";
import { showTokenButtons } from "../shared/token_buttons.js";
import { hasCls, neighborOf, tokenName } from "../shared/tokens.js";
import { CLASSIFIER, JOIN, NORM, softens } from "./steps.js";

/** @param {any} stepper */
export function listenToBlock(stepper) {
  listen(stepper, {
    actions: {
      cls: () => stepper.set({ query: 0 }),
      token: (button) => stepper.set({ query: Number(button.dataset.token) }),
      reset: () => stepper.set({ temperature: 1 }),
    },
    choices: { layer: (layer) => stepper.load(layer), head: (head) => stepper.set({ head }) },
    keys: { c: () => hasCls(stepper.block.header) && stepper.set({ query: 0 }) },
    move: (dx, dy) => stepper.set({ query: neighborOf(stepper.query, dx, dy, stepper.block.header) }),
    turn: (by) => {
      const { heads } = stepper.block.header;
      stepper.set({ head: (stepper.head + by + heads) % heads });
    },
    click: (found) => {
      if (found.panel === "image") stepper.set({ query: found.token });
      else if (found.panel === "parts") stepper.set({ head: found.item });
      else stepper.pinAt(found);
    },
  });
  stepper.find("input").addEventListener("input", (event) => {
    stepper.set({ temperature: Number((10 ** Number(event.target.value)).toPrecision(3)) });
  });
}

/** @param {any} stepper */
export function showBlockChoices(stepper) {
  const { header } = stepper.block;
  fillBlocks(stepper, "layer", countedTo(header.layers));
}

/** @param {any} stepper */
export function showBlockState(stepper) {
  showSteps(stepper);
  const { block: { header }, step, temperature, head, query } = stepper;
  const lacksClassifier = header.layer < header.layers - 1 && Boolean(header.standalone);
  stepper.find("ol").lastElementChild.firstElementChild.disabled = lacksClassifier;
  const heads = fill(stepper, "head", "Head", countedTo(header.heads), head);
  heads.classList.toggle("unused", step === NORM || step > JOIN);
  showTokenButtons(stepper.root, header, query);
  const reads = step === CLASSIFIER; // the head has its own tokens
  stepper.find("[data-tokens]").classList.toggle("unused", reads);
  stepper.find(".inside-token").textContent = query < header.first || reads ? "" : tokenName(query, header);
  const slider = stepper.find(".inside-temperature");
  stepper.root.classList.toggle("softened", softens(step));
  slider.querySelector("input").value = String(Math.log10(temperature));
  slider.querySelector("output").textContent = temperature === 1
    ? "1, the model's"
    : `${formatted(temperature)}, not the model's`;
  slider.querySelector("button").style.visibility = temperature === 1 ? "hidden" : "inherit";
  slider.classList.toggle("changed", temperature !== 1);
}
