// The explorer's controls, predictions and texts on the page.

import { percent } from "../shared/numbers.js";
import { tokenName, tokenText } from "../shared/tokens.js";
import { showTokenButtons } from "../shared/token_buttons.js";
import { measureOf, showOrder, showSummary } from "./behavior.js";
import { isPainted } from "./mask.js";
import {
  cellName,
  hintText,
  largeEnds,
  largeNames,
  NEEDS_ALL,
  readingText,
  scaleLabels,
  titleText,
} from "./words.js";

const SPEECH_MS = 500; // delay of the text for screen readers, so that a moving pointer does not flood them

// Update everything that depends on the state or the data, but not on the pointer.
export function showControls(root, { header, state, mask, brushing, strokes, playing }) {
  showOrder(root, { header, state });
  const find = (selector) => root.querySelector(selector);
  for (const group of root.querySelectorAll("[data-state]")) {
    const value = state[group.dataset.state] ?? "";
    for (const button of group.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(button.dataset.value === value));
    }
  }
  const press = (name, on) => find(`[data-do="${name}"]`).setAttribute("aria-pressed", String(on));
  press("rollout", state.map === "rollout");
  press("overlay", state.overlay);
  press("brush", brushing);
  const clear = find('[data-do="clear"]'), undo = find('[data-do="undo"]');
  clear.hidden = undo.hidden = !(brushing || isPainted(mask) || strokes.canUndo(header.stem));
  clear.disabled = !isPainted(mask);
  undo.disabled = !strokes.canUndo(header.stem);
  showTokenButtons(root, header, state.query);
  for (const name of ["rollout", "file"]) {
    const button = find(`[data-do="${name}"]`);
    button.dataset.usual ??= button.title;
    button.disabled = header.only !== null;
    button.title = button.disabled ? NEEDS_ALL : button.dataset.usual;
  }
  find(".xp-name").textContent = header.name;
  root.classList.toggle("brushing", brushing);
  showPrediction(find(".xp-prediction"), header);
  showSnapshots(find(".xp-scrub"), header.snapshots, state.snapshot, playing);
}

// Set the slider to the snapshot of this step, or to the last one.
function showSnapshots(scrub, snapshots, step, playing) {
  scrub.hidden = snapshots.length < 2;
  const range = scrub.querySelector("input");
  range.max = snapshots.length - 1;
  const index = snapshots.findIndex((s) => s.step === step);
  range.value = index < 0 ? range.max : index;
  const label = snapshots[range.value]?.label ?? "";
  scrub.querySelector(".xp-step").textContent = label;
  range.setAttribute("aria-valuetext", label);
  scrub.querySelector('[data-do="play"]').textContent = playing ? "Pause" : "Play";
}

// Show the most probable classes. For a painted image, show their probabilities before painting too.
function showPrediction(container, { probabilities, before, classes, truth, hue }) {
  container.replaceChildren();
  const order = probabilities.map((v, i) => [v, i]).sort((a, b) => b[0] - a[0]);
  for (const [probability, i] of order.slice(0, 4)) {
    const row = document.createElement("div");
    row.className = "xp-class";
    const [name, track, number] = ["span", "span", "span"].map((tag) =>
      row.appendChild(document.createElement(tag))
    );
    name.textContent = name.title = classes[i] + (i === truth ? " (true)" : "");
    name.className = i === truth ? "true" : "";
    track.className = "track";
    const fill = track.appendChild(document.createElement("i"));
    fill.style.width = `${100 * probability}%`;
    fill.style.background = hue;
    number.textContent = percent(probability);
    if (before) {
      const mark = track.appendChild(document.createElement("u"));
      mark.style.left = `${100 * before[i]}%`;
      mark.title = "before painting";
      number.textContent += ` (was ${percent(before[i])})`;
    }
    container.appendChild(row);
  }
}

/**
 * Update the texts after drawing.
 * @param {HTMLElement} root
 * @param {any} canvas the canvases by name
 * @param {any} view header, state, hoveredToken, hoveredPatch, shown, comparing, cell, rollout, showsTwoMaps,
 * tokens, values, limits, maxima, used and maps of the explorer; `gradient`: the colors of the large maps as
 * a CSS image
 */
export function showTexts(root, canvas, view) {
  const { header, cell, rollout, showsTwoMaps, shown, tokens, comparing, maps } = view;
  const write = (selector, text) => {
    root.querySelector(selector).textContent = text;
  };
  const title = titleText(view),
    reading = readingText({ ...view, masses: maps.massesOf(cell.r, cell.c) });
  const cellText = cellName(cell, header), mapName = rollout ? "Rollout" : cellText;
  write(".xp-title", title);
  const labels = scaleLabels(view).map((text) =>
    Object.assign(document.createElement("span"), { textContent: text })
  );
  root.querySelector(".xp-scale-labels").replaceChildren(...labels);
  const pair = showsTwoMaps ? `: ${largeNames(view).join(" and ")}` : "";
  write(".xp-large-title", (rollout ? "Rollout through all layers" : cellText) + pair);
  root.querySelector(".xp-ends").replaceChildren(
    ...largeEnds(view).map((end) => scaleBar(end, view.gradient)),
  );
  write(".xp-reading", reading.replaceAll(" %", "\u00a0%"));
  write(".xp-hint", hintText(view));
  const summary = `${title}. ${mapName}. ${reading}`;
  const label = (element, text) => element.setAttribute("aria-label", text);
  label(canvas.image, `${header.name}, with its patches. ${summary}`);
  const measure = measureOf(view), ordered = measure ? `, ordered by ${measure.label}` : "";
  label(canvas.grid, `${title}, in ${header.layers} layers of ${header.heads} heads${ordered}`);
  canvas.large.forEach((large, i) => label(large, `${mapName}, ${tokenName(tokens[i] ?? shown, header)}`));
  label(canvas.plot, `Mean attention distance and entropy of every head. ${cellText}`);
  announce(root, summary);
  root.dataset.shown = comparing ? "difference" : tokenText(shown, header);
  root.dataset.cell = `${cell.r + 1}.${cell.c + 1}`;
  root.dataset.frame = header.key;
  root.dataset.order = measure?.order ?? "layers";
  showSummary(root, view);
}

// Return a color scale from 0 to `end`.
function scaleBar(end, gradient) {
  const bar = document.createElement("div"), strip = document.createElement("i");
  bar.title = "The large map has a scale of its own, up to its largest weight";
  strip.style.background = gradient;
  bar.append("0", strip, end);
  return bar;
}

// Announce a text to screen readers, unless another one follows soon.
function announce(root, text) {
  clearTimeout(root.announceTimer);
  root.announceTimer = setTimeout(() => {
    root.querySelector(".xp-live").textContent = text;
  }, SPEECH_MS);
}
