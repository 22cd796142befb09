// data: { figure: JSON of a Plotly figure, name, base }

const ARRAYS = {
  f8: Float64Array, f4: Float32Array, i4: Int32Array, i2: Int16Array, i1: Int8Array, u4: Uint32Array, u2: Uint16Array,
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

const quoted = (value) => {
  const text = value === null || value === undefined ? "" : String(value).replace(/<[^>]*>/g, "");
  return /[",\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
};

const numbered = (trace, letter) => `${letter}axis${(trace[`${letter}axis`] ?? letter).slice(1)}`;

// The title above the trace's panel: without it curves of one name in several panels could not be told apart.
function panelOf(trace, layout) {
  const [x, y] = ["x", "y"].map((letter) => layout[numbered(trace, letter)]?.domain ?? [0, 1]);
  const above = (layout.annotations ?? []).find((a) => a.yref === "paper" && Math.abs(a.y - y[1]) < 0.01 &&
    (a.xref === "paper" ? a.x >= x[0] && a.x <= x[1] : a.xref === `${trace.xaxis ?? "x"} domain`));
  return above?.text ?? "";
}

// What an axis is called, where it is called the same in all panels.
function calledOf(shown, layout, letter) {
  const titles = new Set(shown.map((trace) => layout[numbered(trace, letter)]?.title?.text).filter(Boolean));
  return titles.size === 1 ? [...titles][0] : letter;
}

// Every trace that shows something, a row per point: series, x, y, error; or column, row, value of maps.
function csvOf({ data, layout }) {
  const shown = data.filter((trace) => trace.z || (!trace.fill && plainOf(trace.y).length)); // a band is an error drawn
  const panels = shown.map((trace) => panelOf(trace, layout)), several = panels.some(Boolean);
  const written = (trace) => trace.mode === "text"; // numbers upon a map, as the right answers of a confusion matrix
  const maps = shown.filter((trace) => trace.z || written(trace)).length;
  const last = maps === 0 ? "error" : maps === shown.length ? "value" : "error or value";
  const rows = [["panel", "series", calledOf(shown, layout, "x"), calledOf(shown, layout, "y"), last]];
  shown.forEach((trace, i) => {
    const name = trace.name || trace.legendgroup || panels[i] || `${trace.type ?? "scatter"} ${i + 1}`;
    const [x, y] = [plainOf(trace.x), plainOf(trace.y)];
    const beside = written(trace) ? plainOf(trace.customdata ?? trace.text).map((v) => [v].flat()[0]) : plainOf(trace.error_y?.array);
    const add = (...values) => rows.push([panels[i], name, ...values]);
    if (trace.z) {
      plainOf(trace.z).forEach((line, r) => plainOf(line).forEach((v, c) => Number.isNaN(v) || add(x[c] ?? c + 1, y[r] ?? r + 1, v)));
    } else {
      y.forEach((v, k) => add(x[k] ?? k, v, beside[k]));
    }
  });
  return rows.map((row) => row.slice(several ? 0 : 1).map(quoted).join(",")).join("\n") + "\n";
}

function give(text, type, name) {
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(new Blob([text], { type })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// On the page's own ground, in its colours, as wide as it stands there.
async function save(root, { figure, name, base }, format) {
  const { data, layout } = JSON.parse(figure);
  const file = `vitlab-${name.replace(/[^a-z0-9]+/gi, "-").toLowerCase()}`;
  if (format === "csv") return give(csvOf({ data, layout }), "text/csv", `${file}.csv`);
  const Plotly = await loadPlotly(base);
  const look = colouring(root);
  const axis = { gridcolor: look.grid, linecolor: look.grid, zeroline: false, automargin: true };
  const template = { layout: { font: { color: look.text, family: look.font }, xaxis: axis, yaxis: axis } };
  const width = Math.max(480, root.clientWidth), height = layout.height ?? 450;
  const made = { data, layout: { ...layout, template, width, height, paper_bgcolor: look.ground } };
  await Plotly.downloadImage(made, { format, filename: file, width, height, scale: format === "png" ? 3 : 1 });
}

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".takeaway");
  root.given = data;
  if (root.childElementCount) return;
  for (const format of ["png", "svg", "csv"]) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = format.toUpperCase();
    button.title = format === "csv" ? "Download the data of this figure as CSV" : `Download this figure as ${button.textContent}`;
    button.addEventListener("click", () => save(root, root.given, format));
    root.appendChild(button);
  }
}
