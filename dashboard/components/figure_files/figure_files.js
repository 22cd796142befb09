// data: { name, and one of: figure (JSON of a Plotly figure) with base; pictures [[title, data URL, words]]
// with side, columns, foot and rows; drawing (SVG) with rows }

import { savePainted, saveSvg } from "../shared/picture.js";
import { loadPlotly, savePlotly } from "../shared/plotly.js";
import { fileStem, offerFiles, saveCsv } from "../shared/save.js";
import { themeColors } from "../shared/theme.js";

const ARRAYS = {
  f8: Float64Array,
  f4: Float32Array,
  i4: Int32Array,
  i2: Int16Array,
  i1: Int8Array,
  u4: Uint32Array,
  u2: Uint16Array,
  u1: Uint8Array,
};

// Plotly's Python side packs arrays in base64: { dtype, bdata, shape }.
function plainOf(values) {
  if (!values?.bdata) return values ?? [];
  const bytes = Uint8Array.from(atob(values.bdata), (c) => c.charCodeAt(0));
  const flat = [...new ARRAYS[values.dtype](bytes.buffer)];
  const columns = Number(String(values.shape ?? "").split(",")[1]);
  if (!columns) return flat;
  return Array.from({ length: flat.length / columns }, (_, i) => flat.slice(i * columns, (i + 1) * columns));
}

const ERROR = "standard error";

const numbered = (trace, letter) => `${letter}axis${(trace[`${letter}axis`] ?? letter).slice(1)}`;

// The title above the trace's panel: without it curves of one name in several panels could not be told apart.
function panelOf(trace, layout) {
  const [x, y] = ["x", "y"].map((letter) => layout[numbered(trace, letter)]?.domain ?? [0, 1]);
  const above = (layout.annotations ?? []).find((a) =>
    a.yref === "paper" && Math.abs(a.y - y[1]) < 0.01 &&
    (a.xref === "paper" ? a.x >= x[0] && a.x <= x[1] : a.xref === `${trace.xaxis ?? "x"} domain`)
  );
  return above?.text ?? "";
}

// An axis in words, with the unit that stands at its ticks; its numbers are no logarithms.
function inWords({ title, ticksuffix }) {
  const text = title?.text?.replace(" (log scale)", "");
  return text && ticksuffix?.includes("%") && !text.includes("%") ? `${text}, %` : text;
}

// What an axis is called: as the traces say, where they do (`meta.called`), or where it is the same in all
// panels.
function calledOf(shown, layout, letter) {
  const said = shown.find((trace) => trace.meta?.called?.[letter]);
  if (said) return said.meta.called[letter];
  const titles = new Set(
    shown.map((trace) => inWords(layout[numbered(trace, letter)] ?? {})).filter(Boolean),
  );
  if (titles.size === 1) return [...titles][0];
  return shown.every((trace) => trace.z) ? { x: "column", y: "row" }[letter] : letter;
}

// What a curve's band or a point's bar shows.
const errorOf = (trace) =>
  trace.error_y?.array ?? trace.error_x?.array ?? (trace.meta?.error ? trace.customdata : []);

// Every trace that shows something, a row per point: series, x, y, error; or column, row, value of maps. A
// band is an error drawn; `meta.again`: a line that repeats others' numbers, a color bar; `meta.y`: names
// that stand where the points are.
function rowsOf({ data, layout }) {
  const shown = data.filter((trace) =>
    !trace.meta?.again && (trace.z || (!trace.fill && plainOf(trace.y).length))
  );
  const panels = shown.map((trace) => panelOf(trace, layout)), several = panels.some(Boolean);
  // numbers upon a map, as the right answers of a confusion matrix
  const written = (trace) => trace.mode === "text";
  const maps = shown.filter((trace) => trace.z || written(trace));
  const value = [...new Set(maps.map((trace) => trace.meta?.value))],
    called = (value.length === 1 && value[0]) || "value";
  const last = maps.length === 0 ? ERROR : maps.length === shown.length ? called : `${ERROR} or ${called}`;
  const rows = [["panel", "series", calledOf(shown, layout, "x"), calledOf(shown, layout, "y"), last]];
  shown.forEach((trace, i) => {
    const name = trace.name || trace.legendgroup || panels[i] || `${trace.type ?? "scatter"} ${i + 1}`;
    const [x, y] = [plainOf(trace.x), trace.meta?.y ?? plainOf(trace.y)];
    const beside = written(trace)
      ? plainOf(trace.customdata ?? trace.text).map((v) => [v].flat()[0])
      : plainOf(errorOf(trace));
    const add = (...values) => rows.push([panels[i], name, ...values]);
    if (trace.z) {
      plainOf(trace.z).forEach((line, r) =>
        plainOf(line).forEach((v, c) => Number.isNaN(v) || add(x[c] ?? c + 1, y[r] ?? r + 1, v))
      );
    } else {
      y.forEach((v, k) => add(x[k] ?? k, v, beside[k]));
    }
  });
  const tidy = (v) => (typeof v === "number" ? +v.toPrecision(10) : v); // 0.205, not 0.20499999999999963
  return rows.map((row) => row.slice(several ? 0 : 1).map(tidy));
}

// On the page's own ground, in its colors, as wide as it stands there.
async function saveFigure(root, { figure, name, base }, format) {
  const { data, layout } = JSON.parse(figure);
  if (format === "csv") return saveCsv(rowsOf({ data, layout }), fileStem(name));
  const Plotly = await loadPlotly(base);
  const look = themeColors(root);
  const axis = {
    gridcolor: look.grid,
    linecolor: look.grid,
    zeroline: false,
    automargin: true,
    title: { standoff: 8 },
  };
  const template = { layout: { font: { color: look.text, family: look.font }, xaxis: axis, yaxis: axis } };
  const width = Math.max(480, root.clientWidth), height = layout.height ?? 450;
  const made = { data, layout: { ...layout, template, paper_bgcolor: look.background } };
  await savePlotly(Plotly, format, fileStem(name), [width, height], made);
}

// Pictures with a title above and words below, `columns` in a row; `side`: of one, in pixels.
function savePictures(root, { pictures, name, side, columns, rows, foot }, format) {
  if (format === "csv") return saveCsv(rows, fileStem(name));
  const look = themeColors(root), type = { font: look.font, color: look.text, size: 13 };
  const edge = 16, gap = 20, titled = pictures.some(([title]) => title), top = titled ? 24 : 0;
  const apart = titled ? 12 : 0; // else a title is closer to the words above than to its picture
  const high = top + side + 26 + apart;
  const count = Math.min(columns, pictures.length), lines = Math.ceil(pictures.length / count);
  const size = [2 * edge + count * (side + gap) - gap, 2 * edge + lines * high - apart + (foot ? 24 : 0)];
  const images = root.querySelectorAll("img");
  return savePainted(format, fileStem(name), size, look.background, (p) => {
    if (foot) p.text(foot, edge, size[1] - edge - 4, type);
    pictures.forEach(([title, , words], i) => {
      const x = edge + (i % count) * (side + gap), y = edge + Math.floor(i / count) * high;
      p.text(title, x, y + 8, { ...type, weight: 600 });
      p.pixels(images[i], 0, 0, images[i].naturalWidth, images[i].naturalHeight, x, y + top, side, side);
      p.text(words, x, y + top + side + 14, { ...type, size: titled ? 13 : 11 });
    });
  });
}

function saveDrawing(root, { name, rows }, format) {
  if (format === "csv") return saveCsv(rows, fileStem(name));
  const svg = root.querySelector("svg"), { width, height } = svg.viewBox.baseVal, look = themeColors(root);
  const copy = svg.cloneNode(true);
  Object.entries({ width, height, color: look.text, "font-family": look.font }).forEach(([k, v]) =>
    copy.setAttribute(k, v)
  );
  copy.insertAdjacentHTML(
    "afterbegin",
    `<rect width="${width}" height="${height}" fill="${look.background}"/>`,
  );
  return saveSvg(format, fileStem(name), [width, height], new XMLSerializer().serializeToString(copy));
}

const SAVERS = { figure: saveFigure, pictures: savePictures, drawing: saveDrawing };

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".takeaway");
  const kind = Object.keys(SAVERS).find((name) => data[name]);
  root.given = data;
  root.dataset.kind = kind;
  // our own SVG, names escaped
  if (data.drawing) root.querySelector(".takeaway-drawing").innerHTML = data.drawing;
  const hidden = root.querySelector(".takeaway-hidden"),
    sources = (data.pictures ?? []).map(([, src]) => src);
  // a panel that ticks sends the same pictures: they stay, decoded as they are
  if (sources.join() !== [...hidden.children].map(({ src }) => src).join()) {
    hidden.replaceChildren(...sources.map((src) => Object.assign(new Image(), { src, alt: "" })));
  }
  offerFiles(root.querySelector(".files"), (format) => SAVERS[kind](root, root.given, format));
}
