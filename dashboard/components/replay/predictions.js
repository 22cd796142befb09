// The predictions of the models: a title, a bar for each class and, for shifts, a map over all of them.

import { colorIndex, colorTable, decodeBase64 } from "../shared/colors.js";
import { CanvasPainter, createCanvas } from "../shared/paint.js";
import { percent, scaleEnd } from "../shared/numbers.js";
import { argmax } from "../shared/vectors.js";
import { shownClasses } from "./state.js";
import { predictionText } from "./words.js";

/**
 * Create the section of a model, with the canvas of its map if `withMap`.
 * @param {number} model index
 * @param {boolean} withMap
 */
export function createPrediction(model, withMap) {
  const section = document.createElement("section");
  section.className = "replay-model";
  section.innerHTML = `<h3></h3><div class="replay-bars"></div>`;
  if (withMap) section.append(document.createElement("canvas"), document.createElement("small"));
  section.dataset.model = String(model);
  return section;
}

/**
 * Show a model's prediction for the current frame.
 * @param {any} replay
 * @param {HTMLElement} section
 * @param {number} model index
 */
export function drawPrediction(replay, section, model) {
  const { header: h } = replay, probabilities = replay.probabilitiesFor(model, replay.frame);
  const best = argmax(probabilities);
  const title = section.querySelector("h3"), prediction = document.createElement("span");
  title.textContent = `${h.models[model].label}: `;
  prediction.textContent = predictionText(probabilities, h);
  title.append(prediction);
  const shown = shownClasses(replay.allProbabilities(model), h);
  if (!shown.includes(best)) shown[shown.length - 1] = best;
  drawBars(section.querySelector(".replay-bars"), shown, probabilities, h, h.models[model].color);
  section.dataset.answer = h.classes[best];
  const map = section.querySelector("canvas");
  if (map) drawShiftMap(replay, map, model);
}

// Each bar has three elements: the name of the class, the bar and the percentage.
function drawBars(bars, shown, probabilities, { classes, truth }, color) {
  if (bars.childElementCount !== 3 * shown.length) {
    bars.innerHTML = shown.map(() => "<b></b><div><span></span></div><i></i>").join("");
  }
  shown.forEach((c, k) => {
    const [label, bar, number] = [...bars.children].slice(3 * k, 3 * k + 3);
    label.textContent = classes[c];
    label.classList.toggle("truth", c === truth);
    Object.assign(bar.firstChild.style, { width: `${100 * probabilities[c]}%`, background: color });
    number.textContent = percent(probabilities[c]);
  });
}

// Draw the probability of the class predicted without a shift, at every shift.
function drawShiftMap(replay, canvas, model) {
  const { rows, columns, classes, start, colors, models } = replay.header, n = classes.length;
  const probabilities = replay.allProbabilities(model);
  const predicted = argmax(probabilities.subarray(start * n, (start + 1) * n));
  const sheet = createCanvas(columns.length, rows.length), ctx = sheet.getContext("2d");
  const data = ctx.createImageData(columns.length, rows.length), pixels = new Uint32Array(data.data.buffer);
  const scale = colorTable(decodeBase64(colors));
  const values = Array.from(pixels, (_, f) => probabilities[f * n + predicted]);
  const end = scaleEnd(Math.max(...values)); // of a thousand classes, all can be far below 100 %
  values.forEach((value, f) => pixels[f] = scale[colorIndex(value, end, false)]);
  ctx.putImageData(data, 0, 0);
  const side = canvas.clientWidth, p = new CanvasPainter(canvas, side, side), unit = side / columns.length;
  p.pixels(sheet, 0, 0, columns.length, rows.length, 0, 0, side, side);
  const [x, y] = [replay.column * unit + 0.5, replay.row * unit + 0.5];
  p.rect(x, y, unit - 1, unit - 1, { stroke: "#000", line: 3 });
  p.rect(x, y, unit - 1, unit - 1, { stroke: "#fff", line: 1.5 });
  const bright = `bright (${+(100 * end).toPrecision(2)} %)`;
  const limit = end < 1 ? `, ${bright}` : ""; // with the usual limit, a slide has no room for it
  canvas.nextSibling.textContent = `probability of ${classes[predicted]} at every shift${limit}`;
  canvas.setAttribute("role", "img");
  const subject = `Probability that the ${models[model].label} assigns to ${classes[predicted]}`;
  canvas.setAttribute("aria-label", `${subject} at every shift, from dark (0 %) to ${bright}`);
}
