// Pointer and keyboard input of both sides.

import { cellUnder } from "../explorer/grid.js";
import { copyLink } from "../shared/link.js";
import { AttentionInput, pointerIn, squareUnder } from "../explorer/pointer.js";
import { hasCls, neighborOf } from "../shared/tokens.js";
import { partnerCell, partnerToken } from "./difference.js";
import { savePair, savePairCsv } from "./files.js";

export class PairInput extends AttentionInput {
  constructor(pair) {
    super(pair, {
      cls: () => this.toggleToken(0),
      token: (button) => this.toggleToken(Number(button.dataset.token)),
      link: () => copyLink(pair.root, pair.sides.some((side) => side.own)),
      png: () => savePair(pair, "png"),
      svg: () => savePair(pair, "svg"),
      csv: () => savePairCsv(pair),
    });
    this.pair = pair;
    pair.sections.forEach((section, index) => {
      this.listenToGrid(section.querySelector(".pair-grid"), index);
      this.listenToLarge(section.querySelector(".pair-large"), index);
      if (index < 2) this.listenToImage(section, index);
    });
  }

  listenToImage(section, side) {
    const { pair } = this, image = section.querySelector(".pair-image");
    const tokenAt = (event) => squareUnder(event, image, pair.sides[side].side) + pair.sides[side].first;
    const point = (token) => {
      const same = pair.hovered?.side === side && pair.hovered.token === token;
      if (!same) pair.point({ hovered: { side, token } });
    };
    this.track(image, (event) => point(tokenAt(event)), () => pair.point({ hovered: null }));
    this.on(image, "click", (event) => {
      const token = tokenAt(event), query = side ? partnerToken(token, pair.sides[1], pair.sides[0]) : token;
      pair.choose(query === pair.state.query ? null : query);
    });
    this.on(section.querySelector("select"), "change", (event) => {
      const { value } = event.target, step = value === "best" ? (side ? "best" : null) : Number(value);
      pair.set(side ? { rightSnapshot: step } : { snapshot: step }, { ask: true });
    });
  }

  // The grid of the difference counts as the left one.
  listenToGrid(grid, index) {
    const { pair } = this, side = index % 2;
    const cellAt = (event) => {
      const [x, y] = pointerIn(event, grid), cell = cellUnder(pair.grids[index].plan, x, y);
      return index === 2 ? partnerCell(cell, pair.common, pair.sides[0]) : cell;
    };
    const point = (cell) => pair.point({ hoveredCell: cell && { side, ...cell } });
    this.track(grid, (event) => point(cellAt(event)), () => point(null));
    this.on(grid, "click", (event) => {
      const cell = cellAt(event), left = side ? partnerCell(cell, pair.sides[1], pair.sides[0]) : cell;
      if (left) pair.set({ layer: left.r, head: left.c, map: "head" });
    });
  }

  listenToLarge(element, index) {
    const { pair } = this, side = index % 2;
    const patchAt = (event) => squareUnder(event, element, pair.sides[side].side);
    const point = (hoveredPatch) => pair.point({ hoveredPatch });
    this.track(element, (event) => point({ side, patch: patchAt(event) }), () => point(null));
  }

  get shape() {
    return this.pair.sides[0];
  }

  get keys() {
    const { pair } = this;
    return {
      c: () => hasCls(this.shape) && pair.choose(0),
      Escape: () => pair.choose(null),
    };
  }

  // Choose a token before the patches, or unpin it.
  toggleToken(token) {
    this.pair.choose(this.pair.state.query === token ? null : token);
  }

  move(dx, dy) {
    const { pair } = this;
    pair.choose(neighborOf(pair.state.query, dx, dy, this.shape));
  }

  forgetPointer() {
    super.forgetPointer();
    this.pair.hovered = null;
  }
}
