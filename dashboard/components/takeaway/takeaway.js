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

// Every trace that shows something, a row per point: series, x, y, error; or row, column, value of maps.
function csvOf({ data }) {
  const rows = [["series", "x", "y", "error or value"]];
  data.forEach((trace, i) => {
    const name = trace.name || trace.legendgroup || `${trace.type ?? "scatter"} ${i + 1}`;
    if (trace.z) {
      const [x, y] = [plainOf(trace.x), plainOf(trace.y)];
      plainOf(trace.z).forEach((line, r) => plainOf(line).forEach((v, c) => rows.push([name, x[c] ?? c + 1, y[r] ?? r + 1, v])));
      return;
    }
    const [x, y, error] = [plainOf(trace.x), plainOf(trace.y), plainOf(trace.error_y?.array)];
    if (trace.fill || !y.length) return; // a band is the curve's error drawn
    y.forEach((v, k) => rows.push([name, x[k] ?? k, v, error[k]]));
  });
  return rows.map((row) => row.map(quoted).join(",")).join("\n") + "\n";
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
  if (format === "csv") return give(csvOf({ data }), "text/csv", `${file}.csv`);
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
