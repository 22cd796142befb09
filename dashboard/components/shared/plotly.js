// plotly.js of the installed plotly package, as the server serves it: draws curves and saves figures.

import { saveSvg } from "./picture.js";

let library; // one promise per window, until it fails

export function loadPlotly() {
  if (globalThis.Plotly) return Promise.resolve(globalThis.Plotly);
  library ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = `${globalThis.__streamlit.BACKEND_BASE_URL}app/static/plotly.min.js`; // see server.py
    script.onload = () => resolve(globalThis.Plotly);
    script.onerror = () => {
      library = undefined; // a later chart tries again
      reject(new Error("plotly.min.js is not served"));
    };
    document.head.appendChild(script);
  });
  return library;
}

const PADDING = 12; // pixels around a saved figure

/**
 * @param {any} Plotly
 * @param {string} format "png" or "svg"
 * @param {string} stem file name without its ending
 * @param {number[]} size [width, height] in pixels
 * @param {{ data: any[], layout: any }} figure
 */
export async function savePlotly(Plotly, format, stem, [width, height], { data, layout }) {
  const margin = Object.fromEntries(
    [..."lrtb"].map((side) => [side, (layout.margin?.[side] ?? 60) + PADDING]),
  );
  const size = [width + 2 * PADDING, height + 2 * PADDING];
  const figure = { data, layout: { ...layout, margin, width: size[0], height: size[1] } };
  const url = await Plotly.toImage(figure, { format: "svg", width: size[0], height: size[1] });
  return saveSvg(format, stem, size, decodeURIComponent(url.slice(url.indexOf(",") + 1)));
}
