// data: { name, rows (of the CSV file), and one of: figure (JSON of a Plotly figure); pictures ([[title, data
// URL, text]]) with side, columns and foot; drawing (SVG) }

import { savePainted, saveSvg } from "../shared/picture.js";
import { loadPlotly, savePlotly } from "../shared/plotly.js";
import { fileStem, offerFiles, saveCsv } from "../shared/save.js";
import { themeColors } from "../shared/theme.js";

// Saves the figure with the background, the colors and the width that it has on the page.
async function saveFigure(root, { figure, name }, format) {
  const { data, layout } = JSON.parse(figure);
  const Plotly = await loadPlotly();
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

// Saves pictures with their titles above and texts below, `columns` in a row, each `side` pixels wide.
function savePictures(root, { pictures, name, side, columns, foot }, format) {
  const look = themeColors(root), type = { font: look.font, color: look.text, size: 13 };
  const edge = 16, gap = 20, titled = pictures.some(([title]) => title), top = titled ? 24 : 0;
  const apart = titled ? 12 : 0; // separates a title from the text of the picture above
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

function saveDrawing(root, { name }, format) {
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
  const root = parentElement.querySelector(".figure-files");
  const kind = Object.keys(SAVERS).find((name) => data[name]);
  root.latest = data;
  root.dataset.kind = kind;
  // the server draws the SVG and escapes the names in it
  if (data.drawing) root.querySelector(".figure-files-drawing").innerHTML = data.drawing;
  const hidden = root.querySelector(".figure-files-hidden"),
    sources = (data.pictures ?? []).map(([, src]) => src);
  // keeps the decoded images when a page that refreshes itself sends the same pictures again
  if (sources.join() !== [...hidden.children].map(({ src }) => src).join()) {
    hidden.replaceChildren(...sources.map((src) => Object.assign(new Image(), { src, alt: "" })));
  }
  offerFiles(root.querySelector(".files"), (format) => {
    const { rows, name } = root.latest;
    return format === "csv" ? saveCsv(rows, fileStem(name)) : SAVERS[kind](root, root.latest, format);
  });
}
