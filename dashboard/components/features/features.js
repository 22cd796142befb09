// The features of the tokens of an image at every point of the residual stream: their cosine similarity to
// the token under the pointer, their principal components, and their norms. Hovering needs no server. Of a
// large model, the server sends the features of one point at a time. Data: see data.js.

import { paintImage } from "../explorer/scene.js";
import { AttentionView } from "../explorer/view.js";
import { colorTable, decodeBase64 } from "../shared/colors.js";
import { whileMounted } from "../shared/lifetime.js";
import { createCanvas } from "../shared/paint.js";
import { themeColors } from "../shared/theme.js";
import { defaultToken } from "../shared/tokens.js";
import { mount } from "../shared/view.js";
import { keepFeatures, pointsOf, similarities, unpackFeatures } from "./data.js";
import { FeaturesInput } from "./input.js";
import { paintFeatures, showFeaturesControls, showFeaturesTexts } from "./panels.js";
import { paintColors, paintValues, spanOf } from "./scene.js";
import { featuresAddress, readFeaturesState } from "./state.js";

class FeaturesView extends AttentionView {
  // data from the server
  norms = null; // Float32Array [points, T]
  features = new Map(); // { units, colors, shares } by point
  image = null; // Uint8Array [S, S, 3]
  mask = null; // no pixel is painted: the image is what the model reads

  // under the pointer
  hoveredToken = null; // of the image
  hoveredIndex = null; // of the grid
  hoveredPatch = null; // of the large map

  // what is drawn
  values = null; // of the large map, for all tokens
  limits = [-1, 1]; // of the large map
  signed = true; // whether the color scale is diverging
  sources = []; // a canvas for each point, null where the features are not loaded
  canvases = [];
  picture = createCanvas(1, 1);
  plan = null;

  constructor(root) {
    super(root);
    this.canvas = {
      image: this.find(".xp-image"),
      grid: this.find(".xp-grid"),
      large: this.find(".xp-large canvas"),
    };
    this.input = new FeaturesInput(this);
  }

  // Show new data from the server.
  update(bytes) {
    whileMounted(this.root, (signal) => this.attach(signal));
    const { header, norms, image, features } = unpackFeatures(bytes), before = this.header;
    if (before?.key !== header.key) this.features.clear();
    keepFeatures(this.features, features);
    const reshaped = !before || ["layers", "tokens", "side"].some((name) => before[name] !== header[name]);
    Object.assign(this, { header, norms, image, mask: new Uint8Array(header.size ** 2) });
    if (reshaped) this.state = this.readAddress();
    this.root.classList.toggle("standalone", Boolean(header.standalone)); // hides what needs the server
    this.colors = colorTable(decodeBase64(header.colors));
    this.diverging = colorTable(decodeBase64(header.diverging));
    this.canvases = Array.from({ length: pointsOf(header) }, () => createCanvas(1, 1));
    if (!this.features.has(this.state.index)) this.scheduleRequest();
    this.showControls();
    this.schedule();
  }

  get ready() {
    return Boolean(this.header);
  }

  // The token to whose features the others are compared.
  get shown() {
    return this.hoveredToken ?? this.state.query ?? defaultToken(this.header);
  }

  // The point whose map is enlarged.
  get index() {
    return this.hoveredIndex ?? this.state.index;
  }

  readAddress() {
    return readFeaturesState(this.header.address ?? window.location.search, this.header);
  }

  parameters() {
    return this.header && this.header.address === undefined ? featuresAddress(this.state, this.header) : null;
  }

  ask(kind) {
    const state = Object.entries(featuresAddress(this.state, this.header)).filter(([, text]) =>
      text !== null
    );
    this.host.ask(`${kind}?${new URLSearchParams(state)}`);
  }

  // Choose a point of the residual stream, and ask the server for its features if they are not here.
  choosePoint(index) {
    this.set({ index }, { ask: !this.features.has(index) && !this.header.standalone });
  }

  showControls() {
    showFeaturesControls(this.root, this);
  }

  draw() {
    this.theme = themeColors(this.root);
    this.type = { font: this.theme.font };
    this.compute();
    paintFeatures(this);
    showFeaturesTexts(this.root, this);
  }

  // Return the values of all tokens at a point, or null without its features.
  valuesAt(index) {
    const { header: { tokens, dim }, state, norms, features, shown } = this;
    if (state.feature === "norm") return norms.subarray(index * tokens, (index + 1) * tokens);
    const found = features.get(index);
    return found ? similarities(found.units, shown, dim) : null;
  }

  // The ends of the color scale that all maps share, or null if each has its own.
  get sharedSpan() {
    const { state, norms, header: { layers, tokens } } = this;
    if (state.span === "map") return null;
    if (state.feature === "similarity") return [-1, 1];
    return spanOf(norms.subarray(0, (layers + 1) * tokens), "norm", null); // not of the last layer norm
  }

  // Compute the maps of all points, and paint them with a pixel for each patch.
  compute() {
    const { header, state, features, index } = this, { first, side } = header;
    const shared = this.sharedSpan;
    this.signed = state.feature === "similarity" && shared !== null;
    this.values = null;
    this.sources = this.canvases.map((canvas, point) => {
      if (state.feature === "components") {
        const found = features.get(point);
        if (found) paintColors(canvas, found.colors, side);
        return found ? canvas : null;
      }
      const values = this.valuesAt(point);
      if (!values) return null;
      const own = state.feature === "norm" && point > header.layers; // the last layer norm has its own scale
      const patches = values.subarray(first), limits = spanOf(patches, state.feature, own ? null : shared);
      paintValues(canvas, patches, side, limits, this, this.signed);
      if (point === index) Object.assign(this, { values, limits });
      return canvas;
    });
    const [low, high] = this.values ? spanOf(this.values.subarray(first), "similarity", null) : [0, 1];
    const over = this.values && state.overlay
      ? Float32Array.from(this.values.subarray(first), (v) => v - low)
      : null;
    paintImage(this.picture, this.image, header, this.mask, over, Math.max(high - low, 1e-9), header.tint);
  }
}

export default function (element) {
  mount(element, ".features", "view", FeaturesView);
}
