// Texts of the two sides and their difference.

import { prefixLabel, prefixOf, tokenName } from "../shared/tokens.js";
import { cellName } from "../explorer/words.js";
import { percent, weightText } from "../shared/numbers.js";
import { argmax } from "../shared/vectors.js";

export const SIDES = ["left", "right"];
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
  return `Predicts ${classes[best]}, ${percent(probabilities[best])}${words}`;
}

/** Return the title of the maps: the token and the direction. */
export function pairTitle({ sides, state, tokens }) {
  const token = tokenName(tokens[0] ?? tokens[1], sides[tokens[0] === null ? 1 : 0]);
  return state.direction === "keys" ? `Attention to ${token}` : `Attention from ${token}`;
}

/** Return the labels of the diverging scale, whose ends are -limit and limit. */
export const differenceLabels = (limit) => [`\u2212${weightText(limit)}`, "0", `+${weightText(limit)}`];

/** Return the labels of the scale of the grids: numbers if all maps share it. */
export function gridLabels({ state, maxima }, signed) {
  const end = ["shared", "root"].includes(state.scale)
    ? weightText(maxima[0])
    : `maximum of its ${state.scale}`;
  return signed ? [`\u2212${end}`, "0", end] : ["0", `${end}, both sides`];
}

/**
 * Return the weights of both sides at the patch under the pointer, or else the largest difference.
 * @param {any} view sides, state, tokens, cell, patches (of both sides, or null), values (of both sides, null
 * where the model lacks the head), difference (or null), masses (of the tokens before the patches on both
 * sides, or null)
 */
export function pairReading(view) {
  const { sides, tokens, cell, rollout, patches, values, difference, masses } = view;
  const what = rollout ? "Rollout" : cellName(cell, sides[0]);
  const placeOf = (patch, side) => tokenName(patch + sides[side].first, sides[side]);
  const texts = [`${what}. ${pairTitle(view)}.`];
  const lacking = values.findIndex((one, i) => one === null && tokens[i] !== null);
  if (lacking >= 0) texts.push(`The model on the ${SIDES[lacking]} has no ${what.toLowerCase()}.`);
  if (patches) {
    const known = values.flatMap((one, i) => (one ? [`${SIDES[i]} ${weightText(one[patches[i]])}`] : []));
    if (difference) known.push(`difference ${signedNumber(difference[patches[0]])}`);
    texts.push(`At ${placeOf(patches[0], 0)}: ${known.join(", ")}.`);
  } else if (difference) {
    const at = argmax(Array.from(difference, Math.abs));
    texts.push(`Largest difference ${signedNumber(difference[at])} at ${placeOf(at, 0)}.`);
  }
  const named = rollout ? [] : [...new Set(sides.flatMap(prefixOf))];
  for (const name of named) {
    const shares = sides.flatMap((side, i) => {
      const mass = masses[i]?.[prefixOf(side).indexOf(name)];
      return mass === undefined ? [] : [`${SIDES[i]} ${percent(mass)}`];
    });
    const verb = view.state.direction === "keys" ? "From" : "On";
    if (shares.length) texts.push(`${verb} ${prefixLabel(name)}: ${shares.join(", ")}.`);
  }
  return texts.join(" ").replaceAll(" %", "\u00a0%");
}
