// Pictures as files: SVG, and PNG at three times the size on the screen.

import { CanvasPainter, createCanvas, SvgPainter } from "./paint.js";
import { saveFile } from "./save.js";

/**
 * Save what `draw` paints.
 * @param {string} format "png" or "svg"
 * @param {string} stem file name without its ending
 * @param {number[]} size [width, height] in pixels
 * @param {string} background color
 * @param {(painter: any) => void} draw
 */
export function savePainted(format, stem, size, background, draw) {
  const [width, height] = size;
  const canvas = createCanvas(1, 1);
  const painter = format === "svg"
    ? new SvgPainter(width, height)
    : new CanvasPainter(canvas, width, height, 3);
  painter.rect(0, 0, width, height, { fill: background });
  draw(painter);
  if (format === "svg") return saveSvg(format, stem, size, painter.toString());
  canvas.toBlob((blob) => saveFile(blob, "", `${stem}.png`), "image/png");
}

/**
 * Save an SVG, as it is or rendered as PNG. The page's font is embedded: an SVG cannot use the fonts of the
 * page.
 * @param {string} format "png" or "svg"
 * @param {string} stem file name without its ending
 * @param {number[]} size [width, height] in pixels
 * @param {string} svg
 */
export async function saveSvg(format, stem, size, svg) {
  const text = svg.replace(/<svg[^>]*>/, `$&<style>${await pageFont()}</style>`);
  if (format === "svg") return saveFile(text, "image/svg+xml", `${stem}.svg`);
  const image = new Image(), href = URL.createObjectURL(new Blob([text], { type: "image/svg+xml" }));
  image.src = href;
  await image.decode();
  const canvas = createCanvas(3 * size[0], 3 * size[1]);
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  URL.revokeObjectURL(href);
  canvas.toBlob((blob) => saveFile(blob, "", `${stem}.png`), "image/png");
}

let fontRule; // a promise that is made once, unless it fails

function pageFont() {
  fontRule ??= (async () => {
    for (const sheet of document.styleSheets) {
      for (const rule of rulesOf(sheet)) {
        if (!(rule instanceof CSSFontFaceRule) || !rule.style.fontFamily.includes("Inter")) continue;
        const address = /url\(["']?([^"')]+)/.exec(rule.style.getPropertyValue("src"))?.[1];
        const data = address?.startsWith("data:")
          ? address
          : await fetchDataUrl(new URL(address, sheet.href ?? window.location.href));
        return `@font-face{font-family:Inter;font-weight:100 900;src:url(${data})}`;
      }
    }
    return ""; // the file falls back to sans-serif
  })();
  fontRule.catch(() => {
    fontRule = undefined; // a later file tries again
  });
  return fontRule;
}

function rulesOf(sheet) {
  try {
    return sheet.cssRules;
  } catch {
    return []; // the style sheet belongs to another origin
  }
}

async function fetchDataUrl(address) {
  const blob = await (await fetch(address)).blob();
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
}
