// Images with the predictions of two models; a click opens an image.
// data: header { size, cards: [{ truth, number, href, predictions }] }, then the images, uint8 [N, S, S, 3].
// predictions: [[label, confidence, correct, color, model]]

import { readHeader } from "../shared/message.js";

function imageCanvas(pixels, size) {
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

function textElement(tag, className, text) {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text; // not HTML: the names of classes come from the user's folders
  return element;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".gallery");
  const { header, offset } = readHeader(data);
  const bytes = 3 * header.size * header.size;
  const cards = header.cards.map((card, i) => {
    const link = document.createElement("a");
    link.className = "gallery-card";
    link.href = card.href;
    link.target = "_self";
    const predictions = card.predictions.map(([label, confidence, , , model]) =>
      `${model}: ${label}, ${confidence}`
    );
    link.setAttribute(
      "aria-label",
      `${card.truth}, test image ${card.number}. ${predictions.join("; ")}. Open in the explorer`,
    );
    link.append(imageCanvas(data.subarray(offset + i * bytes, offset + (i + 1) * bytes), header.size));
    link.append(textElement("div", "gallery-truth", card.truth));
    for (const [label, confidence, correct, color] of card.predictions) {
      const line = textElement("div", correct ? "gallery-prediction correct" : "gallery-prediction", "");
      const mark = textElement("span", "gallery-mark", "");
      mark.style.background = color;
      line.append(mark, textElement("span", "", `${correct ? "\u2713" : "\u2717"} ${label} ${confidence}`));
      link.append(line);
    }
    link.addEventListener("click", (event) => {
      // the browser opens a new tab
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
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
