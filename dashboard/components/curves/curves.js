// A Plotly chart of growing curves. Plotly.react keeps the zoom and the hidden curves while `view` stays the same.
// data: { series: [{ name, x, y, color, dash, markers, group, legend, hover }],
//         best: [{ x, y, text, color, group }], view, x_title, y_title, percent, log, height, scale (of the type) }

import { loadPlotly, savePlotly } from "../shared/plotly.js";
import { fileStem, offerFiles } from "../shared/save.js";

const EMPTY_NOTE = {
  text: "The first points appear after a few steps.",
  showarrow: false,
  xref: "paper",
  yref: "paper",
  x: 0.5,
  y: 0.5,
};

function chartColors(element) {
  const style = getComputedStyle(element);
  const read = (name, fallback) => style.getPropertyValue(name).trim() || fallback;
  return {
    text: read("--st-text-color", "#444"),
    grid: read("--st-border-color", "#ccc"),
    background: read("--st-background-color", "#fff"),
    font: read("--st-font", "sans-serif"),
  };
}

function draw(Plotly, div, data) {
  const config = { displaylogo: false, responsive: true, displayModeBar: false };
  return Plotly.react(
    div,
    chartTraces(data, div._fullData ?? []),
    chartLayout(data, chartColors(div)),
    config,
  );
}

// Plotly remembers hidden curves by `uid`. It is made of the curve's name, because curves come and go.
function uidMaker() {
  const counts = {};
  return (curve, kind) => {
    const stem = `${curve.group} ${curve.name} ${kind}`;
    counts[stem] = (counts[stem] || 0) + 1;
    return `${stem} ${counts[stem]}`.replace(/[^a-z0-9]/gi, "_"); // Plotly uses it as a class name
  };
}

// Return the traces of all curves and their best points. `drawn`: the traces on the screen. A new trace of a hidden
// curve is hidden as well.
function chartTraces(data, drawn) {
  const uid = uidMaker();
  const hidden = new Set(drawn.filter((t) => t.visible === "legendonly").map((t) => t.legendgroup));
  const known = new Set(drawn.map((t) => t.uid));
  const visibility = (id, group) => (hidden.has(group) && !known.has(id) ? { visible: "legendonly" } : {});
  const curves = data.series.map((s) => {
    const id = uid(s, s.dash + s.hover);
    return { ...curveTrace(s, data), uid: id, ...visibility(id, s.group) };
  });
  const last = Math.max(0, ...data.series.flatMap((s) => s.x));
  const best = data.best.map((b) => {
    const id = uid({ group: b.group, name: "best" }, "");
    return { ...bestTrace(b, data, last), uid: id, ...visibility(id, b.group) };
  });
  return [...curves, ...best];
}

function curveTrace(series, { percent, scale = 1 }) {
  const hovertemplate = percent ? "%{y:.2f} %" : "%{y:.4f}";
  return {
    type: "scatter",
    mode: series.markers ? "lines+markers" : "lines",
    name: series.name.replace(/&/g, "&amp;").replace(/</g, "&lt;"), // names are text, not markup
    x: series.x,
    y: percent ? series.y.map((v) => (v === null ? null : 100 * v)) : series.y,
    legendgroup: series.group,
    showlegend: series.legend,
    line: { color: series.color, dash: series.dash, width: 2 * scale },
    marker: { size: 5 * scale },
    ...(series.hover ? { hovertemplate } : { hoverinfo: "skip" }),
  };
}

function bestTrace(best, { percent, scale = 1 }, last) {
  return {
    type: "scatter",
    mode: "markers+text",
    x: [best.x],
    y: [percent ? 100 * best.y : best.y],
    text: [best.text],
    textposition: best.x > 0.8 * last ? "top left" : "top center", // not over the edge
    textfont: { size: 12 * scale },
    legendgroup: best.group,
    showlegend: false,
    hoverinfo: "skip",
    cliponaxis: false,
    marker: { size: 11 * scale, symbol: "diamond-open", color: best.color, line: { width: 2 } },
  };
}

function chartLayout(data, colors) {
  const axis = { gridcolor: colors.grid, zeroline: false, automargin: true, linecolor: colors.grid };
  const empty = !data.series.some((s) => s.x.length);
  const scale = data.scale ?? 1, size = 13 * scale;
  const emptyAxis = empty ? { range: [0, 1], showticklabels: false } : {};
  return {
    uirevision: empty ? "empty" : data.view,
    height: data.height,
    margin: { l: 48 * scale, r: 12, t: 8, b: 40 * scale },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: colors.font, size, color: colors.text },
    hovermode: "x unified",
    hoverdistance: -1, // the crosshair reads all curves, however far apart their points are
    hoverlabel: { bgcolor: colors.background, bordercolor: colors.grid, font: { color: colors.text } },
    showlegend: true,
    annotations: empty ? [EMPTY_NOTE] : [],
    legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 },
    xaxis: {
      ...axis,
      title: { text: data.x_title, standoff: 6, font: { size } },
      rangemode: "tozero",
      showspikes: true,
      spikemode: "across",
      spikesnap: "cursor",
      spikethickness: 1,
      spikedash: "dot",
      spikecolor: colors.text,
      ...emptyAxis,
    },
    yaxis: {
      ...axis,
      title: { text: data.y_title, standoff: 8, font: { size } },
      ticksuffix: data.percent ? " %" : "",
      type: data.log ? "log" : "linear",
      ...emptyAxis,
    },
  };
}

// Describe the chart for screen readers: the latest value of every curve, and the best points.
function description(data) {
  const valueText = (v) => (data.percent ? `${(100 * v).toFixed(1)} %` : `${+v.toPrecision(3)}`);
  const parts = [];
  for (const s of data.series) {
    const last = s.y.reduce((found, v, i) => (v === null ? found : i), -1);
    if (s.name && last >= 0) {
      parts.push(`${s.name} ${valueText(s.y[last])} at ${data.x_title} ${+s.x[last].toPrecision(4)}`);
    }
    const best = data.best.find((b) => s.markers && b.group === s.group && b.color === s.color);
    if (s.name && last >= 0 && best) parts.push(`its best ${valueText(best.y)}`);
  }
  return `${data.y_title} against ${data.x_title}: ${parts.join(", ") || "no points yet"}`;
}

// Save the chart as it is seen, with its zoom and its hidden curves, on the page's background color.
async function saveChart(div, format) {
  if (!div.data) return; // nothing is drawn yet
  const { width, height } = div.getBoundingClientRect();
  const figure = { data: div.data, layout: { ...div.layout, paper_bgcolor: chartColors(div).background } };
  await savePlotly(
    globalThis.Plotly,
    format,
    fileStem(div.dataset.title || "curves"),
    [width, height],
    figure,
  );
}

export default function ({ data, parentElement }) {
  const div = parentElement.querySelector(".curves");
  div.dataset.title = data.y_title;
  div.setAttribute("role", "img");
  div.setAttribute("aria-label", description(data));
  offerFiles(parentElement.querySelector(".files"), (format) => saveChart(div, format), ["png", "svg"]);
  div.style.height = `${data.height}px`;
  div.dataset.view = data.view;
  div.dataset.points = data.series.reduce((most, s) => Math.max(most, s.x.length), 0);
  loadPlotly()
    .then((Plotly) => draw(Plotly, div, data))
    .catch((error) => {
      div.innerHTML = "";
      const note = document.createElement("p");
      note.className = "note";
      note.textContent = `The chart could not be drawn (${error.message}): restart the dashboard.`;
      div.appendChild(note);
    });
}
