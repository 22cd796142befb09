// The numbers of a step through a convolution as the rows of a CSV file.

import { classRows, digits } from "../inside/classes.js";
import { inputName } from "./words.js";

/**
 * Return the rows of the CSV file: per number of the window, input channel, position, or class.
 * @param {any} stepper
 */
export function convolutionRows({ block, kind, index, at, one, sources, shownChannel, channel }) {
  const to = (count, make) => Array.from({ length: count }, (_, n) => make(n));
  if (kind === "head") return classRows(block);
  if (kind === "sum") {
    return [
      ["input channel", "sum of products"],
      ...to(one.inputs, (i) => [inputName(block, index, i), digits(at.sums[i])]),
    ];
  }
  if (kind === "window" || kind === "kernel" || kind === "products") {
    const row = (n) => [
      inputName(block, index, Math.floor(n / one.area)),
      Math.floor((n % one.area) / one.size) + 1,
      n % one.size + 1,
      ...[at.values, at.kernel, at.products].map((values) => digits(values[n])),
    ];
    return [
      ["input channel", "row", "column", "window", "kernel", "product"],
      ...to(one.inputs * one.area, row),
    ];
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
