// What is under the pointer in the drawing of a step.

import { panelTop, prefixPitch } from "./panels.js";

/**
 * Return what is at a point: { panel, token, j, item }, without those that do not apply, or null.
 * @param {any} view
 * @param {{ image: any, panels: any[] }} layout
 */
export function pointAt(view, layout, x, y) {
  const { side, first, tokens, only } = view.block.header, { image } = layout;
  const column = Math.floor(((x - image.x) / image.size) * side);
  const row = Math.floor(((y - image.y) / image.size) * side);
  if (column >= 0 && row >= 0 && column < side && row < side) {
    return { panel: "image", token: first + row * side + column };
  }
  const below = y - image.y - image.size;
  if (first && x >= 0 && x < image.size && below > 0 && below < 30) {
    const box = Math.floor((x - image.x) / prefixPitch(first, image.size));
    if (first === 1 || box < first) return { panel: "image", token: Math.min(box, first - 1) };
  }
  const panel = layout.panels.find(({ box }) =>
    x >= box.x && x < box.x + box.w && y >= box.y - 2 && y < box.y + box.h
  );
  if (!panel) return null;
  const { box } = panel, across = (x - box.x) / box.w, down = Math.max(0, (y - box.y) / box.h);
  if (panel.kind === "list") {
    const item = panel.items[Math.floor(down * panel.items.length)];
    return { panel: panel.id, token: item.token, item: item.item };
  }
  const count = panel.values?.length ?? 0;
  if (panel.kind === "bars") {
    const index = Math.min(count - 1, Math.floor(across * count));
    return panel.axis === "token" ? { panel: panel.id, token: index } : { panel: panel.id, j: index };
  }
  const single = only !== null && !view.wholes.has(panel.name);
  const rows = panel.rows ?? view.heights[panel.name];
  const inside = Math.max(0, (y - box.y - panelTop(panel, tokens)) / (box.h - panelTop(panel, tokens)));
  return {
    panel: panel.id,
    token: single ? only : Math.min(tokens - 1, Math.floor(across * tokens)),
    j: Math.min(rows - 1, Math.floor(inside * rows)),
  };
}
