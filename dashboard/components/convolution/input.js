// Buttons, keyboard and pointer of the stepper through a convolution.

import { countedTo, fill, fillBlocks, listen, showSteps } from "../inside/input.js";
import { onPlace } from "../shared/places.js";
import { placeName } from "./words.js";

/** @param {any} stepper */
export function listenToConvolution(stepper) {
  const turn = (by) => {
    const { outputs } = stepper.one;
    stepper.set({ channel: (stepper.channel + by + outputs) % outputs });
  };
  listen(stepper, {
    actions: { less: () => turn(-1), more: () => turn(1) },
    choices: { block: (block) => stepper.load(block), convolution: (index) => stepper.choose(index) },
    keys: { c: () => stepper.choose((stepper.index + 1) % stepper.block.header.convolutions.length) },
    move: (dx, dy) => movePinned(stepper, dx, dy),
    turn,
    click: ({ place, channel, pooled }) => {
      if (place) stepper.set({ pinned: place });
      else if (channel !== undefined) stepper.set({ channel });
      else if (pooled !== undefined) stepper.set({ channel: pooled });
    },
  });
}

function movePinned(stepper, dx, dy) {
  const { pinned: { row, column }, one: { side } } = stepper;
  const within = (v) => Math.max(0, Math.min(side - 1, v));
  stepper.hovered = null;
  stepper.set({ pinned: { row: within(row + dy), column: within(column + dx) } });
}

/**
 * Show each place that is chosen in the stepper of a ViT, if both are on the page, until the signal.
 * @param {any} stepper
 * @param {AbortSignal} signal
 */
export function followPlaces(stepper, signal) {
  onPlace((start) => {
    const { block, root } = stepper;
    if (!root.isConnected || block.header.stepName === "step") return;
    stepper.start = start;
    stepper.set(start ? { pinned: stepper.home } : {});
  }, signal);
}

/** @param {any} stepper */
export function showConvolutionChoices(stepper) {
  fillBlocks(stepper, "block", ["Input", ...countedTo(stepper.lastBlock)]);
}

/** @param {any} stepper */
export function showConvolutionState(stepper) {
  showSteps(stepper);
  const { block: { header }, index, channel, one, place } = stepper, { length } = header.convolutions;
  const convolutions = fill(stepper, "convolution", "Convolution", countedTo(length), index);
  convolutions.classList.toggle("single", length === 1);
  stepper.find(".inside-channel").textContent = `${channel + 1} of ${one.outputs}`;
  stepper.find(".inside-place").textContent = placeName(place);
}
