// Texts of the two sides and their difference.

import { prefixLabel, prefixOf, tokenName } from "../shared/tokens.js";
import { cellName } from "../explorer/words.js";
import { percent, weightText } from "../shared/numbers.js";
import { sameGrid } from "./difference.js";
import { argmax } from "../shared/vectors.js";

export const SIDES = ["left", "right"];
const MOST_REGISTERS = 2; // registers whose weights are named one by one

/** Return the lines of a text, with at most `most` characters each unless a word is longer. */
export function linesOf(text, most) {
  return text.split(" ").reduce((lines, word) => {
    const longer = lines.length ? `${lines.at(-1)} ${word}` : word;
    return lines.length && longer.length <= most ? [...lines.slice(0, -1), longer] : [...lines, word];
  }, /** @type {string[]} */ ([]));
}

const signedNumber = (v) => `${v < 0 ? "\u2212" : "+"}${weightText(Math.abs(v))}`;

/** Return what a side shows: an image, a model or a snapshot. */
export function sideTitle(header, versus) {
  if (versus === "models") return header.run;
  return versus === "snapshots" ? header.step || "best weights" : header.name;
}

/** Return the likeliest class with its probability, and whether it is the true one. */
export function predictionText({ probabilities, classes, truth }) {
  if (!probabilities.length) return "No classifier";
  const best = argmax(probabilities);
  const words = truth === null || truth === undefined
    ? ""
    : best === truth
    ? ", correct"
    : `, true: ${classes[truth]}`;
  return `Predicts ${classes[best]}, ${percent(probabilities[best]).replace(" ", "\u00a0")}${words}`;
}

// Return the names of tokens on both sides, once if they are equal.
function namesOf(tokens, sides) {
  const names = tokens.flatMap((token, i) => (token === null ? [] : [tokenName(token, sides[i])]));
  return names.length < 2 || names[0] === names[1] ? names[0] : `${names[0]} (on the right ${names[1]})`;
}

/** Return the title of the maps: the direction and the token, of both sides if they differ. */
export function pairTitle({ sides, state, tokens }) {
  const token = namesOf(tokens, sides);
  return state.direction === "keys" ? `Attention to ${token}` : `Attention from ${token}`;
}

const NONE_LARGER = 1e-9; // the limit of a difference that is 0 everywhere

/** Return the labels of the diverging scale, whose ends are -limit and limit. */
export const differenceLabels = (limit) =>
  limit > NONE_LARGER ? [`\u2212${weightText(limit)}`, "0", `+${weightText(limit)}`] : ["", "0", ""];

/** Return the labels of the scale of the grids: numbers if all maps share it. */
export function gridLabels({ state, sides, maxima }, signed) {
  const end = ["shared", "root"].includes(state.scale)
    ? weightText(maxima[0])
    : `maximum of its ${state.scale}`;
  if (signed) return [`\u2212${end}`, "0", end];
  return ["0", sameGrid(sides) ? `${end}, both sides` : end];
}

/**
 * Return the weights of both sides at the patch under the pointer, or else the largest difference.
 * @param {any} view sides, state, tokens, cell, patches (of both sides, or null), values (of both sides, null
 * where the model lacks the head), difference (or null), masses (of the tokens before the patches on both
 * sides, or null)
 */
export function pairReading(view) {
  const { sides, tokens, cell, rollout, patches, values, difference, masses } = view;
  const which = rollout ? "Rollout" : cellName(cell, sides[0]);
  const texts = [`${which}. ${pairTitle(view)}.`];
  const lacking = values.findIndex((one, i) => one === null && tokens[i] !== null);
  if (lacking >= 0) texts.push(`The model on the ${SIDES[lacking]} has no ${which.toLowerCase()}.`);
  if (patches) {
    const known = values.flatMap((one, i) => (one ? [`${SIDES[i]} ${weightText(one[patches[i]])}`] : []));
    if (difference) known.push(`difference ${signedNumber(difference[patches[0]])}`);
    const places = patches.map((patch, i) => patch + sides[i].first);
    texts.push(`At ${namesOf(places, sides)}: ${known.join(", ")}.`);
  } else if (difference) {
    const at = argmax(Array.from(difference, Math.abs)), place = tokenName(at + sides[0].first, sides[0]);
    texts.push(
      difference[at]
        ? `Largest difference ${signedNumber(difference[at])} at ${place}.`
        : "No difference beyond the rounding of the weights.",
    );
  }
  const all = rollout ? [] : [...new Set(sides.flatMap(prefixOf))];
  const registers = all.filter((name) => name.startsWith("register"));
  const together = registers.length > MOST_REGISTERS ? registers : []; // one number for all of them
  const named = all.filter((name) => !together.includes(name)).map((name) => [name]);
  if (together.length) named.push(together);
  for (const names of named) {
    const shares = sides.flatMap((side, i) => {
      const places = names.map((name) => prefixOf(side).indexOf(name)).filter((place) => place >= 0);
      if (!masses[i] || !places.length) return [];
      return [`${SIDES[i]} ${percent(places.reduce((sum, place) => sum + masses[i][place], 0))}`];
    });
    const what = names.length > 1 ? "registers" : prefixLabel(names[0]);
    const verb = view.state.direction === "keys" ? "From" : "On";
    if (shares.length) texts.push(`${verb} ${what}: ${shares.join(", ")}.`);
  }
  return texts.join(" ").replaceAll(" %", "\u00a0%");
}
