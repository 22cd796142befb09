// A grid of maps in the area of the page that scrolls it.

import { CanvasPainter, createCanvas, textWidths } from "../shared/paint.js";
import { drawGrid, drawHead, gridPlan, scrollFor } from "./grid.js";

export class GridArea {
  /** @type {import("./grid.js").Plan | null} */
  plan = null;
  given = null; // what the layout was computed from

  /**
   * @param {HTMLElement} area
   * @param {HTMLCanvasElement} canvas
   */
  constructor(area, canvas) {
    this.area = area;
    this.canvas = canvas;
    this.head = createCanvas(1, 1); // the numbers of the heads, which stay visible while the maps scroll
    this.head.className = "xp-grid-head";
    this.head.setAttribute("aria-hidden", "true"); // the grid has them, too
    this.head.hidden = true;
    area.prepend(this.head);
  }

  // Draw the maps, in a new layout if something has changed that it depends on. It is then scrolled to the
  // chosen map.
  draw(grid, zoom, measure = null) {
    const { area, canvas } = this;
    const { maps } = grid, wide = area.clientWidth / zoom, high = area.clientHeight / zoom;
    const widthOf = textWidths(grid.type.font);
    const given = [maps, wide, high, zoom, measure, widthOf("layer mean head 0")]; // another font may arrive
    const changed = !this.given?.every((one, i) => one === given[i]);
    if (changed) this.plan = gridPlan(maps, wide, high, zoom, measure, widthOf);
    this.given = given;
    const [width, height] = [this.plan.width * zoom, this.plan.height * zoom];
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    if (changed) area.scrollTop = scrollFor(this.plan, grid.state, area);
    const painter = new CanvasPainter(canvas, width, height);
    painter.ctx.scale(zoom, zoom);
    drawGrid(painter, grid, this.plan);
    this.drawHead(grid, zoom);
  }

  // Draw the numbers of the heads on their own canvas if the area scrolls.
  drawHead(grid, zoom) {
    const { area, head, plan } = this, [width, height] = [plan.width * zoom, plan.headHeight * zoom];
    head.hidden = !plan.headHeight || plan.height * zoom <= area.clientHeight;
    if (head.hidden) return;
    head.style.width = `${width}px`;
    head.style.height = `${height}px`;
    head.style.marginBottom = `${-height}px`; // it lies on the row of the grid
    const painter = new CanvasPainter(head, width, height);
    painter.ctx.scale(zoom, zoom);
    drawHead(painter, grid, plan);
  }
}
