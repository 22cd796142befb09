// Tells the server how large the window is. data: { narrow, scale }, what the server assumes.

import { whileMounted } from "../shared/lifetime.js";

const NORMAL = 15; // pixels: baseFontSize in config.toml
const STEP = 0.25; // of the scale: the server draws all figures again when it changes

// Return whether the window is as narrow as a phone, and the scale of its type, as style/page.css sets it. In
// a talk, figures are enlarged by talk.css instead.
function measure() {
  const { innerWidth: wide, innerHeight: high } = window;
  const inTalk = new URLSearchParams(window.location.search).has("talk");
  const type = Math.min(26, Math.max(NORMAL, Math.min(0.009 * wide, 0.018 * high)));
  const scale = inTalk ? null : Math.round(type / NORMAL / STEP) * STEP;
  return { narrow: wide < 600, scale };
}

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector("i");
  root.report = () => {
    const { narrow, scale } = measure();
    if (narrow !== root.assumed.narrow) setStateValue("narrow", narrow);
    if (scale !== null && scale !== root.assumed.scale) setStateValue("scale", scale);
  };
  root.assumed = data;
  whileMounted(root, (signal) => window.addEventListener("resize", () => root.report(), { signal }));
  root.report();
}
