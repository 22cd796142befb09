// The texts and the legend around the drawing of a convolution.

import { formatted } from "../shared/numbers.js";
import { gradientOf } from "../shared/colors.js";
import { scaleOf } from "./scene.js";
import {
  blockName,
  capital,
  convFacts,
  convFormula,
  convReading,
  convSentence,
  convShapes,
  placeName,
  TITLES,
} from "./words.js";

// Return the array that the color scale of the legend belongs to.
function legendOf({ block, one, at, sources, kind }) {
  const arrays = { window: one.reads, kernel: one.weight, products: at.products, sum: one.output };
  const maps = { norm: sources?.[1], relu: sources?.[0], residual: block.sum, head: block.output };
  return { ...arrays, ...maps }[kind];
}

/**
 * Show the texts of the current step.
 * @param {any} view
 */
export function showTexts(view) {
  const { block, kind, root } = view, text = convSentence(view), reading = convReading(view);
  const show = (name, content) => {
    root.querySelector(name).textContent = content;
  };
  show(".inside-text", text);
  root.querySelector(".inside-formula span").innerHTML = convFormula(view); // of fixed texts
  show(".inside-formula small", convShapes(view));
  show(".inside-reading", reading);
  show(".inside-facts", convFacts(view));
  show(".inside-channel", `${view.channel + 1} of ${view.one.outputs}`);
  show(".inside-place", placeName(view.place));
  const where = capital(blockName(block.header.block));
  view.canvas.setAttribute("aria-label", `${where}, ${TITLES[kind]}: ${text} ${reading}`);
  const limit = scaleOf(legendOf(view)), [low, high] = root.querySelectorAll(".inside-scale span");
  root.querySelector(".inside-scale canvas").style.background = gradientOf(view.diverging);
  [low.textContent, high.textContent] = [`\u2264 ${formatted(-limit)}`, `\u2265 ${formatted(limit)}`];
}
