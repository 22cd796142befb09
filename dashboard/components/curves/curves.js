// A Plotly chart on a div that stays: Plotly.react keeps zoom and hidden curves for as long as `view` is the
// same.
// data: { series: [{ name, x, y, color, dash, markers, group, legend, hover }],
//         best: [{ x, y, text, color, group }], view, x_title, y_title, percent, log, height, base }

import { loadPlotly, savePlotly } from "../shared/plotly.js";
import { fileStem, offerFiles } from "../shared/save.js";

const WAITING = {
  text: "The first points appear after a few steps.",
  showarrow: false,
  xref: "paper",
  yref: "paper",
  x: 0.5,
  y: 0.5,
};

function colors(element) {
  const style = getComputedStyle(element);
  const read = (name, fallback) => style.getPropertyValue(name).trim() || fallback;
  return {
    text: read("--st-text-color", "#444"),
    grid: read("--st-border-color", "#ccc"),
    ground: read("--st-background-color", "#fff"),
    font: read("--st-font", "sans-serif"),
  };
}

function draw(Plotly, div, data) {
  const look = colors(div);
  const axis = { gridcolor: look.grid, zeroline: false, automargin: true, linecolor: look.grid };
  const number = data.percent ? "%{y:.2f} %" : "%{y:.4f}";
  // Plotly remembers hidden curves by `uid`: by what they are, since pieces come and go between them.
  const counts = {};
  const uid = (s, kind) => {
    const stem = `${s.group} ${s.name} ${kind}`;
    counts[stem] = (counts[stem] || 0) + 1;
    return `${stem} ${counts[stem]}`.replace(/[^a-z0-9]/gi, "_"); // Plotly makes a class of it
  };
  const plain = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;"); // titles are text, not markup
  const hidden = new Set(
    (div._fullData || []).filter((t) => t.visible === "legendonly").map((t) => t.legendgroup),
  );
  const seen = new Set((div._fullData || []).map((t) => t.uid));
  const joins = (id, group) => (hidden.has(group) && !seen.has(id) ? { visible: "legendonly" } : {});
  const traces = data.series.map((s) => ({ s, id: uid(s, s.dash + s.hover) })).map(({ s, id }) => ({
    uid: id,
    ...joins(id, s.group),
    type: "scatter",
    mode: s.markers ? "lines+markers" : "lines",
    name: plain(s.name),
    x: s.x,
    y: data.percent ? s.y.map((v) => (v === null ? null : 100 * v)) : s.y,
    legendgroup: s.group,
    showlegend: s.legend,
    line: { color: s.color, dash: s.dash, width: 2 },
    marker: { size: 5 },
    ...(s.hover ? { hovertemplate: number } : { hoverinfo: "skip" }),
  }));
  for (const b of data.best) {
    const id = uid({ group: b.group, name: "best" }, "");
    traces.push({
      uid: id,
      ...joins(id, b.group),
      type: "scatter",
      mode: "markers+text",
      x: [b.x],
      y: [data.percent ? 100 * b.y : b.y],
      text: [b.text],
      textposition: "top center",
      textfont: { size: 12 },
      legendgroup: b.group,
      showlegend: false,
      hoverinfo: "skip",
      cliponaxis: false,
      marker: { size: 11, symbol: "diamond-open", color: b.color, line: { width: 2 } },
    });
  }
  const empty = !data.series.some((s) => s.x.length);
  const blank = empty ? { range: [0, 1], showticklabels: false } : {};
  const layout = {
    uirevision: empty ? "empty" : data.view,
    height: data.height,
    margin: { l: 48, r: 12, t: 8, b: 40 },
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    font: { family: look.font, size: 13, color: look.text },
    hovermode: "x unified",
    hoverdistance: -1, // the crosshair reads every curve, however far its points are apart
    hoverlabel: { bgcolor: look.ground, bordercolor: look.grid, font: { color: look.text } },
    showlegend: true,
    annotations: empty ? [WAITING] : [],
    legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0 },
    xaxis: {
      ...axis,
      title: { text: data.x_title, standoff: 6, font: { size: 13 } },
      rangemode: "tozero",
      showspikes: true,
      spikemode: "across",
      spikesnap: "cursor",
      spikethickness: 1,
      spikedash: "dot",
      spikecolor: look.text,
      ...blank,
    },
    yaxis: {
      ...axis,
      title: { text: data.y_title, standoff: 8, font: { size: 13 } },
      ticksuffix: data.percent ? " %" : "",
      type: data.log ? "log" : "linear",
      ...blank,
    },
  };
  return Plotly.react(div, traces, layout, { displaylogo: false, responsive: true, displayModeBar: false });
}

// What the chart shows, for whoever cannot see it: where every curve is now, and the best points.
function spoken(data) {
  const said = (v) => (data.percent ? `${(100 * v).toFixed(1)} %` : `${+v.toPrecision(3)}`);
  const parts = [];
  for (const s of data.series) {
    const at = s.y.reduce((last, v, i) => (v === null ? last : i), -1);
    if (s.name && at >= 0) {
      parts.push(`${s.name} ${said(s.y[at])} at ${data.x_title} ${+s.x[at].toPrecision(4)}`);
    }
    const best = data.best.find((b) => s.markers && b.group === s.group && b.color === s.color);
    if (s.name && at >= 0 && best) parts.push(`its best ${said(best.y)}`);
  }
  return `${data.y_title} against ${data.x_title}: ${parts.join(", ") || "no points yet"}`;
}

// The picture of what is seen, zoom and hidden curves included, on the page's own ground.
async function save(div, format) {
  if (!div.data) return; // nothing is drawn yet
  const { width, height } = div.getBoundingClientRect();
  const picture = { data: div.data, layout: { ...div.layout, paper_bgcolor: colors(div).ground } };
  await savePlotly(
    globalThis.Plotly,
    format,
    fileStem(div.dataset.title || "curves"),
    [width, height],
    picture,
  );
}

export default function ({ data, parentElement }) {
  const div = parentElement.querySelector(".curves");
  div.dataset.title = data.y_title;
  div.setAttribute("role", "img");
  div.setAttribute("aria-label", spoken(data));
  offerFiles(parentElement.querySelector(".files"), (format) => save(div, format), ["png", "svg"]);
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
