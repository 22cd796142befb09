// Files of the stepper through a convolution: the step as a picture, its numbers as CSV, the view as HTML.

import { savePainted } from "../shared/picture.js";
import { fileStem, saveCsv } from "../shared/save.js";
import { themeColors } from "../shared/theme.js";
import { AREA } from "./data.js";
import { paintConvolution } from "./scene.js";
import { inputName, TITLES } from "./words.js";

/** @param {any} stepper */
export function saveConvolution(stepper, format) {
  if (format === "html") return stepper.ask("file");
  const { root, block, kind, index } = stepper, edge = 16, top = 40, foot = 26;
  const place = block.header.block
    ? `block ${block.header.block} convolution ${index + 1}`
    : "first convolution";
  const stem = fileStem(`${place} ${TITLES[kind]}`);
  if (format === "csv") return saveCsv(convolutionRows(stepper), stem);
  const theme = themeColors(root), type = { font: theme.font, size: 14, color: theme.text };
  const size = [stepper.w + 2 * edge, stepper.h + top + edge + foot];
  const textOf = (name) => root.querySelector(name).textContent;
  return savePainted(format, stem, size, theme.background, (p) => {
    p.text(textOf(".inside-text"), edge, 20, type);
    p.moved(edge, top, (q) => paintConvolution(stepper, q, theme));
    p.text(textOf(".inside-reading"), edge, top + stepper.h + foot - 4, { ...type, size: 13 });
  });
}

/**
 * Return the rows of the CSV file: per number of the window, input channel, position, or class.
 * @param {any} stepper
 */
export function convolutionRows({ block, kind, index, at, one, sources, shownChannel, channel }) {
  const digits = (v) => +v.toPrecision(7),
    to = (count, make) => Array.from({ length: count }, (_, n) => make(n));
  if (kind === "head") {
    return [
      ["class", "logit", "probability"],
      ...to(
        block.logits.length,
        (k) => [block.header.classes[k], digits(block.logits[k]), digits(block.probabilities[k])],
      ),
    ];
  }
  if (kind === "sum") {
    return [
      ["input channel", "sum of products"],
      ...to(one.inputs, (i) => [inputName(block, index, i), digits(at.sums[i])]),
    ];
  }
  if (kind === "window" || kind === "kernel" || kind === "products") {
    const row = (n) => [
      inputName(block, index, Math.floor(n / AREA)),
      Math.floor((n % AREA) / 3) + 1,
      n % 3 + 1,
      ...[at.values, at.kernel, at.products].map((values) => digits(values[n])),
    ];
    return [["input channel", "row", "column", "window", "kernel", "product"], ...to(one.inputs * AREA, row)];
  }
  const residual = kind === "residual", c = residual ? channel : shownChannel;
  const maps = residual ? [block.branch, block.shortcut, block.sum] : sources;
  const area = residual ? one.side ** 2 : maps[0].length / (block.header.pre ? one.inputs : one.outputs),
    side = Math.sqrt(area);
  return [
    ["row", "column", ...(residual ? ["convolutions", "shortcut", "sum"] : ["before", "after"])],
    ...to(
      area,
      (n) => [Math.floor(n / side) + 1, n % side + 1, ...maps.map((values) => digits(values[c * area + n]))],
    ),
  ];
}
