// The pictures of the replay: one, or one for each model if the models see different pictures.

import { CanvasPainter, createCanvas } from "../shared/paint.js";

// Create the figure of a picture: its caption and its canvas.
export function createFigure() {
  const figure = document.createElement("figure"), canvas = document.createElement("canvas");
  canvas.tabIndex = 0;
  canvas.setAttribute("role", "img");
  figure.append(document.createElement("figcaption"), canvas);
  return figure;
}

// Copy one picture, RGB, to a canvas.
function pictureCanvas(pixels, size) {
  const canvas = createCanvas(size, size), ctx = canvas.getContext("2d");
  const data = ctx.createImageData(size, size);
  for (let i = 0; i < size * size; i++) {
    data.data.set([pixels[3 * i], pixels[3 * i + 1], pixels[3 * i + 2], 255], 4 * i);
  }
  ctx.putImageData(data, 0, 0);
  return canvas;
}

/**
 * Draw a picture in its figure, with the painted cells if they are shown.
 * @param {any} replay
 * @param {HTMLElement} figure
 * @param {number} view index of the picture
 * @param {string} name of the frame
 */
export function drawView(replay, figure, view, name) {
  const { header: h, mask, showsMask } = replay, { size } = h;
  const sheet = pictureCanvas(replay.picture(view), size);
  const canvas = figure.querySelector("canvas"), width = canvas.clientWidth;
  const p = new CanvasPainter(canvas, width, width);
  p.pixels(sheet, 0, 0, size, size, 0, 0, width, width);
  if (showsMask) {
    const cells = Math.sqrt(mask.length), unit = width / cells;
    mask.forEach((on, i) =>
      on && p.rect((i % cells) * unit, Math.floor(i / cells) * unit, unit, unit, { fill: h.blank })
    );
  }
  figure.querySelector("figcaption").textContent = h.views > 1
    ? `What the ${h.models[view].label} sees`
    : h.name;
  canvas.setAttribute("aria-label", `${h.name}, ${name}`);
}
