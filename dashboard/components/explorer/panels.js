// The explorer's switches, answers and words on the page.

import { tokenName, tokenText } from "./state.js";
import { hintOf, nameOfCell, percent, readingOf, scaleEnds, titleOf } from "./words.js";

const SPEECH_MS = 500; // the pointer rests before a screen reader is given the words

// Everything that changes with the state or the data, not with the pointer.
export function showControls(root, { header, state, brushing, playing }) {
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
  find('[data-do="clear"]').hidden = !state.mask;
  find('[data-do="cls"]').hidden = !header.first;
  for (const name of ["rollout", "file"]) find(`[data-do="${name}"]`).hidden = header.only !== null;
  find(".xp-name").textContent = header.name;
  root.classList.toggle("brushing", brushing);
  showAnswer(find(".xp-answer"), header);
  showSnapshots(find(".xp-scrub"), header.snapshots, state.snapshot, playing);
}

// The slider of the snapshots, at the one with this step; at the last where there is none.
function showSnapshots(scrub, snapshots, step, playing) {
  scrub.hidden = snapshots.length < 2;
  const range = scrub.querySelector("input");
  range.max = snapshots.length - 1;
  const at = snapshots.findIndex((s) => s.step === step);
  range.value = at < 0 ? range.max : at;
  const label = snapshots[range.value]?.label ?? "";
  scrub.querySelector(".xp-step").textContent = label;
  range.setAttribute("aria-valuetext", label);
  scrub.querySelector('[data-do="play"]').textContent = playing ? "Pause" : "Play";
}

// The likeliest classes; with something painted over, what they were before.
function showAnswer(place, { probabilities, before, classes, truth, hue }) {
  place.replaceChildren();
  const order = probabilities.map((v, i) => [v, i]).sort((a, b) => b[0] - a[0]);
  for (const [chance, i] of order.slice(0, 4)) {
    const row = document.createElement("div");
    row.className = "xp-class";
    const [name, track, number] = ["span", "span", "span"].map((tag) =>
      row.appendChild(document.createElement(tag))
    );
    name.textContent = classes[i] + (i === truth ? " (true)" : "");
    name.className = i === truth ? "true" : "";
    track.className = "track";
    const fill = track.appendChild(document.createElement("i"));
    fill.style.width = `${100 * chance}%`;
    fill.style.background = hue;
    number.textContent = percent(chance);
    if (before) {
      const was = track.appendChild(document.createElement("u"));
      was.style.left = `${100 * before[i]}%`;
      was.title = "before painting";
      number.textContent += ` (was ${percent(before[i])})`;
    }
    place.appendChild(row);
  }
}

// The words of what `draw` has drawn. `view`: header, state, what is under the pointer (hover, pointed), what
// is shown (shown, comparing, cell, rollout, twin, tokens, values, tops, maps).
export function showWords(root, canvas, view) {
  const { header, cell, rollout, twin, hover, shown, tokens, comparing, maps } = view;
  const write = (selector, text) => {
    root.querySelector(selector).textContent = text;
  };
  const what = titleOf(view),
    reading = readingOf({ ...view, mass: maps.mass[cell.r * maps.columns + cell.c] });
  const place = nameOfCell(cell, header), which = rollout ? "Rollout" : place;
  write(".xp-what", what);
  const ends = scaleEnds(view).map((text) =>
    Object.assign(document.createElement("span"), { textContent: text })
  );
  root.querySelector(".xp-ends").replaceChildren(...ends);
  const pair = twin ? `: A and ${hover !== null ? "pointer" : "B"}` : "";
  write(".xp-which", (rollout ? "Rollout through all layers" : place) + pair);
  write(".xp-read", reading);
  write(".xp-mass", hintOf(view));
  const summary = `${what}. ${which}. ${reading}`;
  const label = (element, text) => element.setAttribute("aria-label", text);
  label(canvas.image, `${header.name}, with its patches. ${summary}`);
  label(canvas.grid, `${what}, in ${header.layers} layers of ${header.heads} heads`);
  canvas.large.forEach((large, i) => label(large, `${which}, ${tokenName(tokens[i] ?? shown, header)}`));
  label(canvas.plot, `Mean attention distance and entropy of every head. ${place}`);
  speak(root, summary);
  root.dataset.shown = comparing ? "difference" : tokenText(shown, header);
  root.dataset.cell = `${cell.r + 1}.${cell.c + 1}`;
  root.dataset.frame = header.key;
}

// To a screen reader, once nothing else has come for a while.
function speak(root, words) {
  clearTimeout(root.speaker);
  root.speaker = setTimeout(() => {
    root.querySelector(".xp-live").textContent = words;
  }, SPEECH_MS);
}

// A message that goes away again.
export function showMessage(root, words) {
  root.querySelector(".xp-live").textContent = words;
  const place = root.querySelector(".xp-compare");
  place.textContent = words;
  setTimeout(() => {
    place.textContent = "";
  }, 4000);
}
