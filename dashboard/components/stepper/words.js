// Texts of the stepper: the steps, and the patch and the number under the pointer.

export const TITLES = ["Image", "Patches", "Sequence", "Projection", "Positions"];
export const CHANNELS = ["red", "green", "blue"];

/**
 * Format a number with a true minus sign.
 * @param {number} v
 */
export const numberText = (v, digits = 2) => v.toFixed(digits).replace("-", "\u2212");

/**
 * Return a text for each of the five steps. It begins with the shape of the step's array.
 * @param {any} stepper
 * @param {string[]} shapes of the five arrays
 */
export function stepTexts({ header: h, side, count, perPatch, first }, shapes) {
  const left = h.others === 1 ? "One more learned token is" : `${h.others} more learned tokens are`;
  const cls = (first ? " CLS, a learned vector without pixels, comes first." : "") +
    (h.others ? ` ${left} not shown.` : "");
  const positions = {
    learned: "a learned vector is added for every position. Only this tells the model where a patch was.",
    sincos:
      "fixed sines and cosines are added for every position. Only this tells the model where a patch was.",
    rotary:
      "this model adds no positions. In each block, it turns queries and keys by angles that depend on " +
      "where a patch was.",
    none: "this model adds no positions. To it, the patches are a set without an order.",
  };
  const size = `${h.patch} x ${h.patch}`, patches = count.toLocaleString("en");
  const total = (3 * h.size ** 2).toLocaleString("en");
  const texts = [
    `${h.size} x ${h.size} pixels in three colors, ${total} numbers.`,
    `${side} x ${side} patches of ${size} pixels, row by row. ` +
    `Hover over one to see its three colors, ${perPatch} numbers.`,
    `the patches become a sequence of ${patches} vectors of 3 x ${size} = ${perPatch} numbers. ` +
    `Nothing in it shows which patches were neighbors.`,
    `one matrix projects the ${perPatch} numbers of each patch to ${h.dim}.${cls}`,
    positions[h.position],
  ];
  return texts.map((text, step) => (step >= 3 && h.note) || `${shapes[step]}: ${text}`);
}

/**
 * Describe the chosen patch, and the number under the pointer.
 * @param {any} stepper
 */
export function hoverText(stepper) {
  const { header: h, step, side, chosen, hovered, first, perPatch } = stepper;
  const isCls = hovered && hovered.token < first;
  const name = isCls
    ? "CLS has no pixels. It gathers information in the blocks, and the head reads it."
    : `Patch ${chosen + 1}: row ${Math.floor(chosen / side) + 1}, column ${(chosen % side) + 1}.`;
  const j = hovered?.j ?? null;
  if (j !== null && step === 2 && !isCls) {
    const channel = CHANNELS[Math.floor(j / h.patch ** 2)];
    return `${name} Number ${j + 1} of ${perPatch}, ${channel}: ${stepper.value(chosen, j)}.`;
  }
  if (j === null || step < 3) return name;
  const i = hovered.token * h.dim + j, [token, position] = [stepper.tokens[i], stepper.positions[i]];
  const sum = ` + ${numberText(position, 3)} = ${numberText(token + position, 3)}`.replace(
    "+ \u2212",
    "\u2212 ",
  );
  const value = `${numberText(token, step === 3 ? 2 : 3)}${step === 3 ? "" : sum}`;
  return `${name} Number ${j + 1} of ${h.dim}: ${value}.`;
}
