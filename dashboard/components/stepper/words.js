// What the stepper says of a step, and of the patch and the number under the pointer.

export const TITLES = ["Image", "Patches", "Sequence", "Projection", "Positions"];
export const CHANNELS = ["red", "green", "blue"];

export const number = (v, digits = 2) => v.toFixed(digits).replace("-", "\u2212");

// One sentence or two for each of the five steps, whose arrays have these shapes
export function stepWords({ header: h, side, count, inside, first }, shapes) {
  const cls = first ? " In front comes CLS, a learned vector without pixels." : "";
  const given = {
    learned: "a learned vector for every place is added. Only this tells the model where a patch was.",
    sincos: "fixed sines and cosines of every place are added. Only this tells the model where a patch was.",
    none: "this model adds no positions: to it the patches are a bag, without order.",
  };
  const cut = `${h.patch} x ${h.patch}`, many = count.toLocaleString("en");
  const total = (3 * h.size ** 2).toLocaleString("en");
  const sentences = [
    `${h.size} x ${h.size} pixels in three colors, ${total} numbers.`,
    `${side} x ${side} squares of ${cut} pixels, row by row. ` +
    `Hover one to see its three colors, ${inside} numbers.`,
    `read like text, ${many} tokens of 3 x ${cut} = ${inside} numbers each. ` +
    `Who was whose neighbor is not told.`,
    `one matrix turns the ${inside} numbers of every patch into ${h.dim}.${cls}`,
    given[h.position],
  ];
  return sentences.map((words, step) => (step >= 3 && h.note) || `${shapes[step]}: ${words}`);
}

// The chosen patch, and the number under the pointer
export function spotWords(stepper) {
  const { header: h, step, side, chosen, spot, first, inside } = stepper;
  const cls = spot && spot.token < first;
  const words = cls
    ? "CLS: no pixels; what it gathers in the blocks is what the head reads."
    : `Patch ${chosen + 1}: row ${Math.floor(chosen / side) + 1}, column ${(chosen % side) + 1}.`;
  const j = spot?.j ?? null;
  if (j !== null && step === 2 && !cls) {
    const channel = CHANNELS[Math.floor(j / h.patch ** 2)];
    return `${words} Number ${j + 1} of ${inside}, ${channel}: ${stepper.value(chosen, j)}.`;
  }
  if (j === null || step < 3) return words;
  const at = spot.token * h.dim + j, [t, p] = [stepper.tokens[at], stepper.positions[at]];
  const sum = ` + ${number(p, 3)} = ${number(t + p, 3)}`.replace("+ \u2212", "\u2212 ");
  return `${words} Number ${j + 1} of ${h.dim}: ${number(t, step === 3 ? 2 : 3)}${step === 3 ? "" : sum}.`;
}
