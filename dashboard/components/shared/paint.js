// Two painters with the same methods: CanvasPainter draws on a canvas (the screen, PNG), SvgPainter writes
// SVG.

/**
 * @param {number} width
 * @param {number} height
 */
export function createCanvas(width, height) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  return canvas;
}

/**
 * Return a function that measures the width of a text of 12 pixels in this font, in pixels.
 * @param {string} font
 * @returns {(text: string) => number}
 */
export function textWidths(font) {
  const ctx = createCanvas(1, 1).getContext("2d");
  ctx.font = `400 12px ${font}`; // as a painter sets it
  return (text) => ctx.measureText(text).width;
}

export class CanvasPainter {
  /**
   * @param {HTMLCanvasElement} canvas
   * @param {number} width in CSS pixels
   * @param {number} height in CSS pixels
   * @param {number} ratio device pixels per CSS pixel
   */
  constructor(canvas, width, height, ratio = window.devicePixelRatio || 1) {
    const w = Math.round(width * ratio), h = Math.round(height * ratio);
    if (canvas.width !== w || canvas.height !== h) {
      canvas.width = w;
      canvas.height = h;
    }
    this.ctx = canvas.getContext("2d");
    this.ctx.setTransform(ratio, 0, 0, ratio, 0, 0);
    this.ctx.clearRect(0, 0, width, height);
    this.ctx.imageSmoothingEnabled = false;
  }

  // Draw the part (sx, sy, sw, sh) of `source` into (x, y, w, h), without smoothing.
  pixels(source, sx, sy, sw, sh, x, y, w, h) {
    this.ctx.drawImage(source, sx, sy, sw, sh, x, y, w, h);
  }

  rect(x, y, w, h, { fill = null, stroke = null, line = 1, dash = [] }) {
    if (fill) {
      this.ctx.fillStyle = fill;
      this.ctx.fillRect(x, y, w, h);
    }
    if (stroke) {
      this.ctx.strokeStyle = stroke;
      this.ctx.lineWidth = line;
      this.ctx.setLineDash(dash);
      this.ctx.strokeRect(x, y, w, h);
    }
  }

  segment(x1, y1, x2, y2, { stroke, line = 1, dash = [] }) {
    this.ctx.beginPath();
    this.ctx.moveTo(x1, y1);
    this.ctx.lineTo(x2, y2);
    this.ctx.strokeStyle = stroke;
    this.ctx.lineWidth = line;
    this.ctx.setLineDash(dash);
    this.ctx.stroke();
  }

  dot(x, y, r, { fill = null, stroke = null, line = 1 }) {
    this.ctx.beginPath();
    this.ctx.arc(x, y, r, 0, 2 * Math.PI);
    if (fill) {
      this.ctx.fillStyle = fill;
      this.ctx.fill();
    }
    if (stroke) {
      this.ctx.strokeStyle = stroke;
      this.ctx.lineWidth = line;
      this.ctx.setLineDash([]);
      this.ctx.stroke();
    }
  }

  text(text, x, y, { size = 12, align = "left", color, weight = 400, font }) {
    this.ctx.font = `${weight} ${size}px ${font}`;
    this.ctx.textAlign = /** @type {CanvasTextAlign} */ (align);
    this.ctx.textBaseline = "middle";
    this.ctx.fillStyle = color;
    this.ctx.fillText(text, x, y);
  }

  // Call `draw` with its origin moved by (dx, dy).
  moved(dx, dy, draw) {
    this.ctx.save();
    this.ctx.translate(dx, dy);
    draw(this);
    this.ctx.restore();
  }
}

export class SvgPainter {
  constructor(width, height) {
    this.parts = [];
    this.size = [width, height];
  }

  add(name, attributes, inner = "") {
    const escaped = (v) => String(v).replace(/&/g, "&amp;").replace(/"/g, "&quot;").replace(/</g, "&lt;");
    const list = Object.entries(attributes).filter(([, v]) => v !== undefined && v !== null && v !== "");
    const text = list.map(([k, v]) => `${k}="${escaped(v)}"`).join(" ");
    this.parts.push(`<${name} ${text}>${escaped(inner)}</${name}>`);
  }

  pixels(source, sx, sy, sw, sh, x, y, w, h) {
    const part = createCanvas(sw, sh);
    part.getContext("2d").drawImage(source, sx, sy, sw, sh, 0, 0, sw, sh);
    const href = part.toDataURL("image/png");
    this.add("image", {
      x,
      y,
      width: w,
      height: h,
      href,
      preserveAspectRatio: "none",
      style: "image-rendering:pixelated",
    });
  }

  rect(x, y, width, height, { fill = null, stroke = null, line = 1, dash = [] }) {
    const lines = stroke ? { stroke, "stroke-width": line, "stroke-dasharray": dash.join(" ") } : {};
    this.add("rect", { x, y, width, height, fill: fill || "none", ...lines });
  }

  segment(x1, y1, x2, y2, { stroke, line = 1, dash = [] }) {
    this.add("line", { x1, y1, x2, y2, stroke, "stroke-width": line, "stroke-dasharray": dash.join(" ") });
  }

  dot(cx, cy, r, { fill = null, stroke = null, line = 1 }) {
    this.add("circle", { cx, cy, r, fill: fill || "none", stroke, "stroke-width": line });
  }

  text(text, x, y, { size = 12, align = "left", color, weight = 400, font }) {
    const anchor = { left: "start", center: "middle", right: "end" }[align];
    const style = { "font-size": size, "font-weight": weight, "font-family": font, fill: color };
    this.add("text", { x, y, "text-anchor": anchor, "dominant-baseline": "central", ...style }, text);
  }

  moved(dx, dy, draw) {
    this.parts.push(`<g transform="translate(${dx} ${dy})">`);
    draw(this);
    this.parts.push("</g>");
  }

  toString() {
    const [w, h] = this.size;
    const root =
      `<svg xmlns="http://www.w3.org/2000/svg" width="${w}" height="${h}" viewBox="0 0 ${w} ${h}">`;
    return `${root}${this.parts.join("")}</svg>`;
  }
}

/**
 * Return RGB bytes as a canvas of width x height pixels.
 * @param {Uint8Array} bytes
 */
export function rgbCanvas(bytes, width, height) {
  const canvas = createCanvas(width, height), ctx = canvas.getContext("2d");
  const picture = ctx.createImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    picture.data.set(bytes.subarray(3 * i, 3 * i + 3), 4 * i);
    picture.data[4 * i + 3] = 255;
  }
  ctx.putImageData(picture, 0, 0);
  return canvas;
}
