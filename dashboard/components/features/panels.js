// The canvases, the controls and the texts of the view on the page.

import { drawLarge, drawPicture, drawScale } from "../explorer/scene.js";
import { gradientOf } from "../shared/colors.js";
import { CanvasPainter } from "../shared/paint.js";
import { typeScale } from "../shared/theme.js";
import { showTokenButtons } from "../shared/token_buttons.js";
import { tokenText } from "../shared/tokens.js";
import { pointsOf } from "./data.js";
import { drawFeatureGrid, featuresPlan } from "./scene.js";
import {
  componentLabels,
  featuresHint,
  featuresReading,
  featuresTitle,
  featureText,
  pointLabel,
  pointName,
  spanLabels,
} from "./words.js";

const SAID_MS = 500; // delay of the text for screen readers, so that a moving pointer does not flood them
const BAR_PIXELS = 9;

/** Return what the texts and the drawing need, in addition to the fields of the view. */
export function describedView(view) {
  const { header, state, features, index, sharedSpan } = view, found = features.get(index);
  return {
    ...view,
    shown: view.shown,
    index,
    missing: features.size < pointsOf(header) && !header.standalone,
    colors: found?.colors ?? null,
    shares: found?.shares ?? null,
    limits: sharedSpan ?? view.limits,
    labels: Array.from({ length: pointsOf(header) }, (_, point) => {
      const own = state.feature === "norm" && state.span === "shared" && point > header.layers;
      return pointLabel(point, header) + (own ? ", own scale" : "");
    }),
  };
}

/** Update everything that depends on the state or the data, but not on the pointer. */
export function showFeaturesControls(root, view) {
  const { header, state } = view;
  for (const group of root.querySelectorAll("[data-state]")) {
    for (const button of group.querySelectorAll("button")) {
      button.setAttribute("aria-pressed", String(button.dataset.value === state[group.dataset.state]));
    }
  }
  const hasScale = state.feature !== "components";
  root.querySelector('[data-state="span"]').classList.toggle("features-off", !hasScale);
  root.querySelector('[data-do="overlay"]').setAttribute("aria-pressed", String(state.overlay && hasScale));
  root.querySelector(".xp-name").textContent = header.name;
  showTokenButtons(root, header, state.query);
}

const wide = (element) => Math.max(40, Math.floor(element.clientWidth));

/** Draw on the canvases of the page. */
export function paintFeatures(view) {
  const { canvas, header, state, theme, type, hoveredToken, sources } = view, zoom = typeScale();
  const side = wide(canvas.image), picture = new CanvasPainter(canvas.image, side, side);
  const chosen = { query: state.query, second: null };
  drawPicture(picture, { header, state: chosen, picture: view.picture, hoveredToken, type }, side, zoom);
  const area = view.find(".xp-scroll"), count = pointsOf(header);
  const plan = (view.plan = featuresPlan(count, area.clientWidth / zoom, area.clientHeight / zoom, zoom));
  const [width, height] = [plan.width * zoom, plan.height * zoom];
  canvas.grid.style.width = `${width}px`;
  canvas.grid.style.height = `${height}px`;
  const grid = new CanvasPainter(canvas.grid, width, height);
  grid.ctx.scale(zoom, zoom);
  const { labels } = describedView(view), { hoveredIndex } = view;
  const absent = ["click to load", "click"];
  drawFeatureGrid(grid, { sources, labels, absent, index: state.index, hoveredIndex, theme, type }, plan);
  const across = wide(canvas.large), large = new CanvasPainter(canvas.large, across, across);
  drawFeatureLarge(large, view, across);
  const bar = view.find(".xp-scale");
  bar.hidden = state.feature === "components";
  if (!bar.hidden) {
    drawScale(new CanvasPainter(bar, wide(bar), BAR_PIXELS), barColors(view), wide(bar), BAR_PIXELS);
  }
}

/** Return the colors of the grid's scale. */
export const barColors = (view) => view.signed ? view.diverging : view.colors;

/** Draw the map of the shown point, and outline the token and the patch under the pointer. */
export function drawFeatureLarge(p, view, across) {
  const { header, sources, index, hoveredPatch, state } = view, source = sources[index];
  const token = state.feature === "similarity" ? view.shown : view.hoveredToken ?? state.query;
  if (source) drawLarge(p, header, source, across, token, hoveredPatch);
}

/** Update the texts after drawing. */
export function showFeaturesTexts(root, view) {
  const about = describedView(view), { header, state, index, shares, hoveredPatch } = about;
  const write = (selector, text) => {
    root.querySelector(selector).textContent = text;
  };
  const title = featuresTitle(about), name = pointName(index, header), reading = featuresReading(about);
  write(".xp-title", title);
  write(".xp-large-title", name);
  write(".xp-reading", reading);
  write(".xp-hint", featuresHint(about));
  write(".features-mode", header.mode);
  const components = state.feature === "components";
  const texts = components ? componentLabels(shares ?? [0, 0, 0]) : spanLabels(about);
  const labels = texts.map((text) => Object.assign(document.createElement("span"), { textContent: text }));
  root.querySelector(".xp-scale-labels").replaceChildren(...(components && !shares ? [] : labels));
  const ends = root.querySelector(".xp-ends"), strip = ends.querySelector("i");
  ends.hidden = components || !view.values;
  strip.style.background = gradientOf(barColors(view));
  ends.querySelectorAll("span").forEach((end, i) => (end.textContent = featureText(view.limits[i])));
  const summary = `${title}. ${name}. ${reading}`;
  const label = (element, text) => element.setAttribute("aria-label", text);
  label(view.canvas.image, `${header.name}, with its patches. ${summary}`);
  label(view.canvas.grid, `${title}, at ${pointsOf(header)} points of the model`);
  label(view.canvas.large, `${name}. ${title}`);
  root.dataset.shown = tokenText(view.shown, header);
  root.dataset.point = pointLabel(index, header);
  root.dataset.feature = state.feature;
  root.dataset.patch = hoveredPatch === null ? "" : tokenText(hoveredPatch + header.first, header);
  root.dataset.frame = header.key;
  clearTimeout(root.saidTimer);
  root.saidTimer = setTimeout(() => write(".xp-live", summary), SAID_MS);
}
