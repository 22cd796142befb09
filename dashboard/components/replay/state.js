// Which frame of the replay is shown, as numbers and as text in the address; which answers of it matter.

const SHOWN = 5, FIRST = 2; // bars; of these, the likeliest of the unchanged image

const clamp = (v, count) => Math.max(0, Math.min(count - 1, v));

// A frame [row, column] that is among those of the header.
export function clampFrame(frame, { rows, columns }) {
  const [row, column] = frame;
  return [clamp(row, rows.length), clamp(column, columns.length)];
}

// The unchanged image's frame: [row, column].
export const startFrame = (
  { start, columns },
) => [Math.floor(start / columns.length), start % columns.length];

// A frame in the address, by its offset from the unchanged one: `4.-2` is 4 down and 2 to the left. -> [row,
// column], or null where the text names none
export function frameOf(text, header) {
  const found = /^(-?\d{1,2})\.(-?\d{1,2})$/.exec(text ?? "");
  if (!found) return null;
  const [row, column] = startFrame(header);
  return clampFrame([row + Number(found[1]), column + Number(found[2])], header);
}

// -> null for the unchanged image, which the address leaves out
export function frameText([row, column], header) {
  const start = startFrame(header), offset = [row - start[0], column - start[1]];
  return offset.some(Boolean) ? offset.join(".") : null;
}

// What is painted over, a bit per cell in hexadecimal. -> the bits as text, or null where nothing is painted
export function cellsOf(text, count) {
  if (!/^[0-9a-f]{16}$/.test(text ?? "")) return null;
  const bits = BigInt(`0x${text}`).toString(2).padStart(count, "0");
  return bits.includes("1") ? bits : null;
}

export const cellsText = (mask) => BigInt(`0b${mask.join("")}`).toString(16).padStart(16, "0");

// The next frame of a spiral that runs outwards from the unchanged image and begins again. -> { frame, tick }
export function spiral(tick, header) {
  const { rows, columns } = header, [row, column] = startFrame(header);
  const radius = Math.min(rows.length, columns.length) / 2, turn = tick / 9;
  const far = Math.min(radius, turn / 3 + 0.5);
  const frame = [Math.round(row + far * Math.sin(turn)), Math.round(column + far * Math.cos(turn))];
  const ends = far >= radius && turn % (2 * Math.PI) < 0.12;
  return { frame, tick: ends ? 0 : tick + 1 };
}

// The position of the largest value; of the first of several.
export const largest = (values) => [...values].reduce((best, v, i) => (v > values[best] ? i : best), 0);

// The classes to show of a model: the likeliest of the unchanged image, and those that it ever finds likely.
// chances: float32 [F, C] -> classes, the likeliest of the unchanged image first
export function shownClasses(chances, { start, classes }) {
  const n = classes.length, best = new Float32Array(n);
  chances.forEach((v, i) => {
    best[i % n] = Math.max(best[i % n], v);
  });
  const first = chances.subarray(start * n, (start + 1) * n);
  const by = (values) => [...best.keys()].sort((a, b) => values[b] - values[a]);
  const order = [...new Set([...by(first).slice(0, FIRST), ...by(best)])].slice(0, SHOWN);
  return order.sort((a, b) => first[b] - first[a]);
}
