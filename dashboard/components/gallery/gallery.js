// data: header { size, cards: [{ truth, number, href, said: [[answer, sure, right, color, name]] }] },
// uint8 [N, S, S, 3]

import { headerOf } from "../shared/message.js";

function pictureOf(pixels, size) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = size;
  const ctx = canvas.getContext("2d"), data = ctx.createImageData(size, size);
  for (let i = 0; i < size * size; i++) {
    for (let c = 0; c < 3; c++) data.data[4 * i + c] = pixels[3 * i + c];
    data.data[4 * i + 3] = 255;
  }
  ctx.putImageData(data, 0, 0);
  return canvas;
}

function lineOf(tag, className, text) {
  const line = document.createElement(tag);
  line.className = className;
  line.textContent = text; // never as HTML: class names may come from somebody's folder
  return line;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".gallery");
  const { header, at } = headerOf(data);
  const bytes = 3 * header.size * header.size;
  const cards = header.cards.map((card, i) => {
    const link = document.createElement("a");
    link.className = "gallery-card";
    link.href = card.href;
    link.target = "_self";
    const words = card.said.map(([answer, sure, , , name]) => `${name} says ${answer}, ${sure}`).join("; ");
    link.setAttribute(
      "aria-label",
      `${card.truth}, test image ${card.number}: ${words}. Open in the explorer`,
    );
    link.append(pictureOf(data.subarray(at + i * bytes, at + (i + 1) * bytes), header.size));
    link.append(lineOf("div", "gallery-truth", card.truth));
    for (const [answer, sure, right, color] of card.said) {
      const line = lineOf("div", right ? "gallery-said right" : "gallery-said", "");
      const mark = lineOf("span", "gallery-mark", "");
      mark.style.background = color;
      line.append(mark, lineOf("span", "", `${right ? "\u2713" : "\u2717"} ${answer} ${sure}`));
      link.append(line);
    }
    link.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return; // the browser opens a tab
      event.preventDefault();
      setTriggerValue("open", i);
    });
    const item = document.createElement("div");
    item.setAttribute("role", "listitem");
    item.append(link);
    return item;
  });
  root.replaceChildren(...cards);
}
