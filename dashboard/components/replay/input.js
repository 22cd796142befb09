// Buttons, slider, pointer and keyboard of the replay.

import { preventTouchMenu } from "../shared/touch.js";
import { cellAt, keyMove } from "./state.js";

/** @param {any} replay */
export function listenToControls(replay) {
  const { playButton, range, root } = replay;
  preventTouchMenu(root);
  playButton.addEventListener("click", () => replay.play(!replay.playing));
  root.querySelector('[data-do="reset"]').addEventListener("click", () => replay.reset());
  range.addEventListener("input", () => {
    replay.play(false);
    replay.go(+range.value, replay.column);
  });
}

// Return the cell under the pointer, [row, column], in an element of rows x columns cells.
function cellUnder(event, element, rows, columns) {
  const box = element.getBoundingClientRect();
  const [x, y] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  return cellAt(x, y, rows, columns);
}

/**
 * Connect a picture: dragging shifts it, painting covers its cells, the arrow keys change the frame.
 * @param {any} replay
 * @param {HTMLCanvasElement} canvas
 */
export function listenToPicture(replay, canvas) {
  let dragStart = null; // pointer x, y and frame
  const maskCell = (event) => {
    const { cells } = replay.header, [row, column] = cellUnder(event, canvas, cells, cells);
    return row * cells + column;
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button) return; // the right one opens a menu, and no pointerup need follow
    event.preventDefault();
    canvas.focus({ preventScroll: true }); // without scrolling: the pointer must stay on the same cell
    canvas.setPointerCapture(event.pointerId);
    replay.play(false);
    if (replay.header.mode === "drag") {
      dragStart = [event.clientX, event.clientY, replay.row, replay.column];
    } else if (replay.header.cells) replay.startStroke(maskCell(event));
  });
  canvas.addEventListener("pointermove", (event) => {
    if (dragStart) {
      const [x, y, row, column] = dragStart, { size, step } = replay.header;
      const scale = step * canvas.clientWidth / size;
      replay.go(
        row + Math.round((event.clientY - y) / scale),
        column + Math.round((event.clientX - x) / scale),
      );
    } else if (replay.stroke !== null) replay.paint(maskCell(event));
  });
  const end = () => {
    dragStart = null;
    replay.endStroke();
  };
  canvas.addEventListener("pointerup", end);
  canvas.addEventListener("pointercancel", end);
  canvas.addEventListener("keydown", (event) => {
    const move = keyMove(event.key, replay.header.mode);
    if (!move) return;
    event.preventDefault();
    replay.play(false);
    replay.go(replay.row + move[0], replay.column + move[1]);
  });
}

/**
 * Show the shift under the pointer on a map of all shifts.
 * @param {any} replay
 * @param {HTMLCanvasElement} map
 */
export function listenToMap(replay, map) {
  const goToPointed = (event) => {
    const { rows, columns } = replay.header;
    replay.play(false);
    replay.go(...cellUnder(event, map, rows.length, columns.length));
  };
  for (const type of ["pointermove", "pointerdown"]) map.addEventListener(type, goToPointed);
}
