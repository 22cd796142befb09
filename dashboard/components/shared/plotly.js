// plotly.js of the installed plotly package, which the server serves: for curves, and to save any figure.

import { saveSvg } from "./picture.js";

let library; // one promise per window, whoever asks first

export function loadPlotly() {
  if (globalThis.Plotly) return Promise.resolve(globalThis.Plotly);
  library ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = `${globalThis.__streamlit.BACKEND_BASE_URL}app/static/plotly.min.js`; // see server.py
    script.onload = () => resolve(globalThis.Plotly);
    script.onerror = () => reject(new Error("plotly.min.js is not served"));
    document.head.appendChild(script);
  });
  return library;
}

const AROUND = 12; // pixels: a page has room around a figure, a file has not

export async function savePlotly(Plotly, format, stem, [width, height], { data, layout }) {
  const margin = Object.fromEntries(
    [..."lrtb"].map((side) => [side, (layout.margin?.[side] ?? 60) + AROUND]),
  );
  const size = [width + 2 * AROUND, height + 2 * AROUND];
  const made = { data, layout: { ...layout, margin, width: size[0], height: size[1] } };
  const address = await Plotly.toImage(made, { format: "svg", width: size[0], height: size[1] });
  return saveSvg(format, stem, size, decodeURIComponent(address.slice(address.indexOf(",") + 1)));
}
