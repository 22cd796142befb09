// Pictures as files: SVG, and PNG at three times the screen's size.

import { canvasOf, CanvasPainter, SvgPainter } from "./paint.js";
import { giveFile } from "./save.js";

// What `draw` paints on a ground of this size, [width, height].
export function savePainted(format, stem, size, ground, draw) {
  const [width, height] = size;
  const canvas = canvasOf(1, 1);
  const p = format === "svg" ? new SvgPainter(width, height) : new CanvasPainter(canvas, width, height, 3);
  p.rect(0, 0, width, height, { fill: ground });
  draw(p);
  if (format === "svg") return saveSvg(format, stem, size, p.toString());
  canvas.toBlob((blob) => giveFile(blob, "", `${stem}.png`), "image/png");
}

// An SVG as it is, or as a picture. It sees no fonts of the page: what it is written in comes along.
export async function saveSvg(format, stem, size, svg) {
  const text = svg.replace(/<svg[^>]*>/, `$&<style>${await pageFont()}</style>`);
  if (format === "svg") return giveFile(text, "image/svg+xml", `${stem}.svg`);
  const image = new Image(), href = URL.createObjectURL(new Blob([text], { type: "image/svg+xml" }));
  image.src = href;
  await image.decode();
  const canvas = canvasOf(3 * size[0], 3 * size[1]);
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
        const data = address?.startsWith("data:")
          ? address
          : await fetched(new URL(address, sheet.href ?? window.location.href));
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
