// Pointer and keyboard input of the view.

import { AttentionInput, pointerIn, squareUnder } from "../explorer/pointer.js";
import { copyLink } from "../shared/link.js";
import { hasCls, neighborOf } from "../shared/tokens.js";
import { pointsOf } from "./data.js";
import { saveFeatures, saveFeaturesCsv } from "./files.js";
import { featuresCellUnder } from "./scene.js";

const OF_HEADS = [",", ".", "r"]; // keys of the explorer without a meaning here

export class FeaturesInput extends AttentionInput {
  constructor(view) {
    super(view, {
      cls: () => this.toggleToken(0),
      token: (button) => this.toggleToken(Number(button.dataset.token)),
      link: () => copyLink(view.root, view.header.own),
      png: () => saveFeatures(view, "png"),
      svg: () => saveFeatures(view, "svg"),
      csv: () => saveFeaturesCsv(view),
    });
    const { image, grid, large } = view.canvas;
    const tokenUnder = (event) => squareUnder(event, image, view.header.side) + view.header.first;
    this.track(
      image,
      (event) => this.point({ hoveredToken: tokenUnder(event) }),
      () => this.point({ hoveredToken: null }),
    );
    this.on(image, "click", (event) => this.toggleToken(tokenUnder(event)));
    const indexUnder = (event) => featuresCellUnder(view.plan, ...pointerIn(event, grid));
    this.track(
      grid,
      (event) => this.point({ hoveredIndex: indexUnder(event) }),
      () => this.point({ hoveredIndex: null }),
    );
    this.on(grid, "click", (event) => {
      const index = indexUnder(event);
      if (index !== null) view.choosePoint(index);
    });
    const patchUnder = (event) => squareUnder(event, large, view.header.side);
    this.track(
      large,
      (event) => this.point({ hoveredPatch: patchUnder(event) }),
      () => this.point({ hoveredPatch: null }),
    );
  }

  // Redraw if the pointer is at another place.
  point(changes) {
    const { view } = this;
    if (Object.entries(changes).some(([name, value]) => view[name] !== value)) view.point(changes);
  }

  // Choose a token, or unpin it.
  toggleToken(token) {
    this.view.set({ query: this.view.state.query === token ? null : token });
  }

  keyAction(key) {
    return OF_HEADS.includes(key) ? null : super.keyAction(key);
  }

  get shape() {
    return this.view.header;
  }

  get keys() {
    const { view } = this, count = pointsOf(view.header);
    return {
      "[": () => view.choosePoint((view.state.index + count - 1) % count),
      "]": () => view.choosePoint((view.state.index + 1) % count),
      c: () => hasCls(view.header) && view.set({ query: 0 }),
      Escape: () => view.set({ query: null }),
    };
  }

  move(dx, dy) {
    this.view.set({ query: neighborOf(this.view.state.query, dx, dy, this.view.header) });
  }

  forgetPointer() {
    Object.assign(this.view, { hoveredToken: null, hoveredIndex: null, hoveredPatch: null });
  }
}
