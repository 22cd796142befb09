// Files to take along: PNG at three times the screen's size, SVG, and the numbers as CSV.

const fileStem = (name) => `vitlab-${name.replace(/[^a-z0-9]+/gi, "-").toLowerCase()}`;

function giveFile(content, type, name) {
  const blob = content instanceof Blob ? content : new Blob([content], { type });
  const link = Object.assign(document.createElement("a"), { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// A button for each format in `bar`, once.
function offerFiles(bar, save, formats = ["png", "svg", "csv"]) {
  if (bar.childElementCount) return;
  for (const format of formats) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = format.toUpperCase();
    button.title = format === "csv" ? "Download the data of this figure as CSV" : `Download this figure as ${button.textContent}`;
    button.addEventListener("click", () => save(format));
    bar.append(button);
  }
}

const quoted = (value) => {
  const text = value === null || value === undefined ? "" : String(value).replace(/<[^>]*>/g, "");
  return /[",\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
};

const giveCsv = (rows, stem) => giveFile(rows.map((row) => row.map(quoted).join(",")).join("\n") + "\n", "text/csv", `${stem}.csv`);

// What `draw` paints on a ground of `width` x `height`.
async function savePainted(format, stem, [width, height], ground, draw) {
  const canvas = canvasOf(1, 1);
  const p = format === "svg" ? new SvgPainter(width, height) : new CanvasPainter(canvas, width, height, 3);
  p.rect(0, 0, width, height, { fill: ground });
  draw(p);
  if (format === "svg") return saveSvg(format, stem, [width, height], p.toString());
  canvas.toBlob((blob) => giveFile(blob, "", `${stem}.png`), "image/png");
}

// An SVG as it is, or as a picture. It sees no fonts of the page: what it is written in comes along.
async function saveSvg(format, stem, [width, height], svg) {
  const text = svg.replace(/<svg[^>]*>/, `$&<style>${await pageFont()}</style>`);
  if (format === "svg") return giveFile(text, "image/svg+xml", `${stem}.svg`);
  const image = new Image(), href = URL.createObjectURL(new Blob([text], { type: "image/svg+xml" }));
  image.src = href;
  await image.decode();
  const canvas = canvasOf(3 * width, 3 * height);
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  URL.revokeObjectURL(href);
  canvas.toBlob((blob) => giveFile(blob, "", `${stem}.png`), "image/png");
}

let fontRule; // a promise, once

function pageFont() {
  fontRule ??= (async () => {
    for (const sheet of document.styleSheets) {
      for (const rule of rulesOf(sheet)) {
        if (!(rule instanceof CSSFontFaceRule) || !rule.style.fontFamily.includes("Inter")) continue;
        const address = /url\(["']?([^"')]+)/.exec(rule.style.getPropertyValue("src"))?.[1];
        const data = address?.startsWith("data:") ? address : await fetched(new URL(address, sheet.href ?? window.location.href));
        return `@font-face{font-family:Inter;font-weight:100 900;src:url(${data})}`;
      }
    }
    return ""; // the reader's own sans-serif
  })();
  return fontRule;
}

function rulesOf(sheet) {
  try {
    return sheet.cssRules;
  } catch {
    return []; // another origin's
  }
}

async function fetched(address) {
  const blob = await (await fetch(address)).blob();
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
}
