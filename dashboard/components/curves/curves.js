// A Plotly chart of growing curves. Plotly.react keeps the zoom and the hidden curves while `view` stays the
// same.
// data: { series: [{ name, x, y, color, dash, markers, group, legend, hover }],
//         best: [{ x, y, text, color, group }],
//         view, x_title, y_title, percent, log, height, empty, scale (of the type) }

import { loadPlotly, savePlotly } from "../shared/plotly.js";
import { fileStem, offerFiles } from "../shared/save.js";

const EMPTY_NOTE = { showarrow: false, xref: "paper", yref: "paper", x: 0.5, y: 0.5 };

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

// Plotly has no public call for which curves the legend hides, nor for where the axes are in pixels. Both are
// read from its private fields `_fullData` and `_fullLayout`.
function draw(Plotly, div, data) {
  const config = { displaylogo: false, responsive: true, displayModeBar: false, showTips: false };
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

// Return the traces of all curves and their best points. `drawn`: the traces on the screen. A new trace of a
// hidden curve is hidden as well.
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
  return {
    type: "scatter",
    mode: series.markers ? "lines+markers" : "lines",
    name: literal(series.name),
    x: series.x.length ? series.x : [null], // a trace without points would have no legend entry
    y: !series.x.length ? [null] : percent ? series.y.map((v) => (v === null ? null : 100 * v)) : series.y,
    legendgroup: series.group,
    showlegend: series.legend,
    line: { color: series.color, dash: series.dash, width: 2 * scale },
    marker: { size: 5 * scale },
    hoverinfo: series.hover ? "none" : "skip", // "none": showValues draws the values
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
    hovermode: "x",
    hoverdistance: -1, // the crosshair reads all curves, however far apart their points are
    showlegend: true,
    annotations: empty ? [{ ...EMPTY_NOTE, text: data.empty }] : [],
    legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 },
    xaxis: {
      ...axis,
      title: { text: data.x_title, standoff: 6, font: { size } },
      rangemode: "tozero",
      separatethousands: true,
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
      title: { text: literal(data.y_title), standoff: 8, font: { size } },
      ticksuffix: data.percent ? " %" : "",
      type: data.log ? "log" : "linear",
      exponentformat: "power",
      ...emptyAxis,
    },
  };
}

// Return a position on the x-axis as the box of values shows it: counts in full, all else with three digits.
function positionText(data, x) {
  const counts = data.series.every((s) => s.x.every(Number.isInteger));
  const options = counts ? {} : { maximumSignificantDigits: 3 };
  return `${data.x_title} ${x.toLocaleString("en-US", options)}`;
}

function valueText(data, value) {
  return data.percent ? `${value.toFixed(2)} %` : value.toFixed(4);
}

// Show the values at the pointer in a box on the other side of the chart, where it covers nothing that is
// read.
function showValues(div, box, data, points) {
  const shown = points.filter((p) => p.y !== null && p.y !== undefined);
  if (!shown.length) return hide(box);
  const head = document.createElement("b");
  head.textContent = positionText(data, shown[0].x);
  const rows = shown.map((point) => {
    const row = document.createElement("div");
    const swatch = document.createElement("i");
    swatch.style.background = point.data.line.color;
    const name = data.series[point.curveNumber]?.name ?? "";
    row.append(swatch, `${name} ${valueText(data, point.y)}`);
    return row;
  });
  box.replaceChildren(head, ...rows);
  const { xaxis, yaxis, width } = div._fullLayout;
  const left = xaxis.d2p(shown[0].x) > xaxis._length / 2;
  box.style.left = left ? `${xaxis._offset + 8}px` : "auto";
  box.style.right = left ? "auto" : `${width - xaxis._offset - xaxis._length + 8}px`;
  box.style.top = `${yaxis._offset + 6}px`;
  box.hidden = false;
}

function hide(box) {
  box.hidden = true;
}

function isZoomed(div, data) {
  const { xaxis, yaxis } = div._fullLayout;
  return data.series.some((s) => s.x.length) && !(xaxis.autorange && yaxis.autorange);
}

// Follow the pointer and the zoom. Called after every drawing, with the data that is drawn.
function follow(Plotly, div, parts, data) {
  div.drawn = data;
  parts.reset.hidden = !isZoomed(div, data);
  if (div.followed) return;
  div.followed = true;
  div.on("plotly_hover", (event) => showValues(div, parts.values, div.drawn, event.points));
  div.on("plotly_unhover", () => hide(parts.values));
  div.on("plotly_relayout", () => {
    parts.reset.hidden = !isZoomed(div, div.drawn);
  });
  parts.reset.onclick = () => Plotly.relayout(div, { "xaxis.autorange": true, "yaxis.autorange": true });
}

// Describe the chart for screen readers: the latest value of every curve, and the best points.
function description(data) {
  const short = (v) => (data.percent ? `${(100 * v).toFixed(1)} %` : `${+v.toPrecision(3)}`);
  const parts = [];
  for (const s of data.series) {
    const last = s.y.reduce((found, v, i) => (v === null ? found : i), -1);
    if (s.name && last >= 0) {
      parts.push(`${s.name} ${short(s.y[last])} at ${data.x_title} ${+s.x[last].toPrecision(4)}`);
    }
    const best = data.best.find((b) => s.markers && b.group === s.group && b.color === s.color);
    if (s.name && last >= 0 && best) parts.push(`its best ${short(best.y)}`);
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

// Return a text that Plotly shows literally: names of runs and tags may come from others.
function literal(text) {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;");
}

export default function ({ data, parentElement }) {
  const div = parentElement.querySelector(".curves");
  const parts = {
    values: parentElement.querySelector(".values"),
    reset: parentElement.querySelector(".reset"),
  };
  div.dataset.title = data.y_title;
  div.setAttribute("role", "img");
  div.setAttribute("aria-label", description(data));
  offerFiles(parentElement.querySelector(".files"), (format) => saveChart(div, format), ["png", "svg"]);
  div.style.height = `${data.height}px`;
  div.dataset.view = data.view;
  div.dataset.points = data.series.reduce((most, s) => Math.max(most, s.x.length), 0);
  loadPlotly()
    .then(async (Plotly) => {
      div.querySelector(".note")?.remove(); // of an earlier attempt
      await draw(Plotly, div, data);
      follow(Plotly, div, parts, data);
    })
    .catch((error) => {
      div.innerHTML = "";
      const note = document.createElement("p");
      note.className = "note";
      note.textContent = `The chart could not be drawn (${error.message}): restart the dashboard.`;
      div.appendChild(note);
    });
}
