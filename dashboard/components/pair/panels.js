// The controls and the texts on the page.

import { cellName, MANY_TOKENS, NEEDS_ALL } from "../explorer/words.js";
import { gradientOf } from "../shared/colors.js";
import { weightText } from "../shared/numbers.js";
import { showTokenButtons } from "../shared/token_buttons.js";
import { sameGrid } from "./difference.js";
import { differenceLabels, gridLabels, pairReading, pairTitle, predictionText, sideTitle } from "./words.js";

const SPEAK_MS = 500; // delay of the text for screen readers, so that a moving pointer does not flood them

/** Update everything that depends on the state or the data, but not on the pointer. */
export function showPairControls(root, { header, sides, state, sections, onDemand }) {
  root.classList.toggle("pair-apart", !sameGrid(sides)); // has no place for a difference
  for (const group of root.querySelectorAll("[data-state]")) {
    const value = state[group.dataset.state];
    for (const button of group.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(button.dataset.value === value));
    }
  }
  const press = (name, on) =>
    root.querySelector(`[data-do="${name}"]`).setAttribute("aria-pressed", String(on));
  press("rollout", state.map === "rollout" && !onDemand);
  for (const name of ["rollout", "file"]) {
    const button = root.querySelector(`[data-do="${name}"]`);
    button.dataset.usual ??= button.title;
    button.disabled = onDemand;
    button.title = onDemand ? NEEDS_ALL : button.dataset.usual;
  }
  press("overlay", state.overlay);
  showTokenButtons(root, sides[0], state.query);
  const both = header.versus === "snapshots";
  sides.forEach((side, i) => {
    const { snapshots } = side, section = sections[i];
    section.querySelector(".pair-name").textContent = sideTitle(side, header.versus);
    section.querySelector(".pair-prediction").textContent = predictionText(side);
    const select = section.querySelector("select");
    select.hidden = !snapshots.length || Boolean(header.standalone) || (i === 1 && !both);
    section.querySelector(".pair-name").hidden = both && !select.hidden;
    const chosen = i === 0 ? state.snapshot ?? "best" : state.rightSnapshot ?? snapshots[0]?.step;
    const options = snapshots.map(({ step, label }) => new Option(label, step ?? "best"));
    select.replaceChildren(...options);
    select.value = String(chosen);
  });
}

function showLabels(place, texts) {
  const labels = texts.map((text) => Object.assign(document.createElement("span"), { textContent: text }));
  place.replaceChildren(...labels);
}

// Show the color scale of the large maps, from 0 to `end`.
function showRange(place, end, gradient) {
  place.querySelector("i").style.background = gradient;
  place.querySelector("span").textContent = end;
}

/** Update the texts after drawing. */
export function showPairTexts(root, pair) {
  const { sides, sections, why, cells, limits, rollout, tokens } = pair;
  const reading = pairReading({ ...view(pair) }), title = pairTitle(view(pair));
  root.querySelector(".pair-reading").textContent = reading;
  const cell = rollout
    ? "Rollout"
    : cellName(cells[0] ?? { r: pair.state.layer, c: pair.state.head }, sides[0]);
  sections.forEach((section, index) => {
    const places = [...section.querySelectorAll(".xp-scale-labels")];
    const maxima = index === 2 ? pair.differenceMaxima : pair.maxima[index];
    showLabels(places.at(-1), gridLabels({ state: pair.state, sides, maxima }, index === 2));
    if (index === 2) showLabels(places[0], differenceLabels(limits[2]));
    else showRange(section.querySelector(".pair-range"), weightText(limits[index]), gradientOf(pair.colors));
    const name = index === 2 ? "difference" : ["left", "right"][index];
    const label = (selector, text) => section.querySelector(selector)?.setAttribute("aria-label", text);
    label(".pair-image", `${sides[index % 2].name}, on the ${name}, with its patches. ${reading}`);
    label(".pair-large", `${cell}, ${name}. ${title}`);
    label(".pair-grid", `${title}, ${name}, all layers and heads`);
  });
  const sentences = [why, ...pair.header.notes, pair.onDemand ? MANY_TOKENS : ""].filter(Boolean).map((
    text,
  ) => Object.assign(document.createElement("p"), { textContent: text }));
  sections[2].querySelector(".pair-notes").replaceChildren(...sentences);
  sections[2].querySelector(".pair-cell").textContent = why ? "" : cell;
  root.dataset.shown = tokens.join(" ");
  root.dataset.cell = cells.map((one) => (one ? `${one.r + 1}.${one.c + 1}` : "none")).join(" ");
  root.dataset.frame = sides.map(({ key }) => key).join(" ");
  clearTimeout(root.speakTimer);
  root.speakTimer = setTimeout(() => {
    root.querySelector(".xp-live").textContent = why || reading;
  }, SPEAK_MS);
}

// Return what the texts describe.
export function view(pair) {
  const { sides, state, tokens, cells, rollout, values, largeDifference, masses } = pair;
  const cell = pair.hoveredCell ? cells[0] ?? cells[1] : { r: state.layer, c: state.head };
  return {
    sides,
    state,
    tokens,
    cell,
    rollout,
    values,
    masses,
    difference: largeDifference,
    patches: pair.shownPatches,
  };
}
