// The frame of the replay as numbers and as a query parameter, and the classes whose bars are shown.

const BAR_COUNT = 5; // per model
const START_COUNT = 2; // bars for the most probable classes of the unchanged image

const clamp = (v, count) => Math.max(0, Math.min(count - 1, v));

/**
 * Return the nearest existing frame, [row, column].
 * @param {number[]} frame
 */
export function clampFrame(frame, { rows, columns }) {
  const [row, column] = frame;
  return [clamp(row, rows.length), clamp(column, columns.length)];
}

/**
 * Return the cell at a point of an area of rows x columns cells, [row, column]. A point outside belongs to
 * the nearest cell.
 * @param {number} x from 0 (left) to 1 (right)
 * @param {number} y from 0 (top) to 1 (bottom)
 */
export const cellAt = (x, y, rows, columns) => [
  clamp(Math.floor(y * rows), rows),
  clamp(Math.floor(x * columns), columns),
];

const KEY_MOVES = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

/**
 * Return the change of the frame for a key, [rows, columns], or null. The arrows shift the image in drag
 * mode. In the other modes right and up go to the next row.
 * @param {string} key
 * @param {string} mode
 */
export function keyMove(key, mode) {
  const move = KEY_MOVES[key];
  if (!move) return null;
  return mode === "drag" ? move : [move[1] || -move[0], 0];
}

// The frame of the unchanged image, [row, column].
export const startFrame = (
  { start, columns },
) => [Math.floor(start / columns.length), start % columns.length];

/**
 * Parse a frame, given as its offset from the unchanged image: `4.-2` is 4 down and 2 to the left. The rules
 * are those of `Frame` in dashboard/states/inductive_bias.py.
 * @param {string | null | undefined} text
 * @returns {number[] | null} [row, column]
 */
export function parseFrame(text, header) {
  const found = /^(-?[0-9]{1,2})\.(-?[0-9]{1,2})$/.exec(text ?? "");
  if (!found) return null;
  const [row, column] = startFrame(header);
  return clampFrame([row + Number(found[1]), column + Number(found[2])], header);
}

/**
 * Return the offset of a frame as text, or null for the unchanged image: the address omits it.
 * @returns {string | null}
 */
export function frameText([row, column], header) {
  const start = startFrame(header), offset = [row - start[0], column - start[1]];
  return offset.some(Boolean) ? offset.join(".") : null;
}

/**
 * Parse the painted cells: a bit per cell in hexadecimal, as `Cells` in dashboard/states/inductive_bias.py.
 * @param {string | null | undefined} text
 * @param {number} count of cells
 * @returns {string | null} the bits as text, or null if no cell is painted
 */
export function parseCells(text, count) {
  if (!/^[0-9a-f]{16}$/.test(text ?? "")) return null;
  const bits = BigInt(`0x${text}`).toString(2).padStart(count, "0");
  return bits.includes("1") ? bits : null;
}

/** @param {number[]} mask */
export const cellsText = (mask) => BigInt(`0b${mask.join("")}`).toString(16).padStart(16, "0");

/**
 * Return the next frame on a spiral that runs outwards from the unchanged image and then starts again.
 * @param {number} tick
 * @returns {{ frame: number[], tick: number }} `tick`: the argument of the next call
 */
export function spiral(tick, header) {
  const { rows, columns } = header, [row, column] = startFrame(header);
  const radius = Math.min(rows.length, columns.length) / 2, angle = tick / 9;
  const distance = Math.min(radius, angle / 3 + 0.5);
  const frame = [
    Math.round(row + distance * Math.sin(angle)),
    Math.round(column + distance * Math.cos(angle)),
  ];
  const atEnd = distance >= radius && angle % (2 * Math.PI) < 0.12;
  return { frame, tick: atEnd ? 0 : tick + 1 };
}

/**
 * Choose the classes whose bars are shown: the most probable ones of the unchanged image, and those that are
 * probable in another frame.
 * @param {Float32Array} probabilities [F, C]
 * @returns {number[]} by their probability for the unchanged image, descending
 */
export function shownClasses(probabilities, { start, classes }) {
  const n = classes.length, highest = new Float32Array(n);
  probabilities.forEach((v, i) => {
    highest[i % n] = Math.max(highest[i % n], v);
  });
  const atStart = probabilities.subarray(start * n, (start + 1) * n);
  const sortedBy = (values) => [...highest.keys()].sort((a, b) => values[b] - values[a]);
  const order = [...new Set([...sortedBy(atStart).slice(0, START_COUNT), ...sortedBy(highest)])].slice(
    0,
    BAR_COUNT,
  );
  return order.sort((a, b) => atStart[b] - atStart[a]);
}
