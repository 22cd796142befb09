// The link that starts or continues the tour.

import { nextStop, recall, remember } from "./memory.js";

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".tour-offer");
  const [link, dismiss] = root.children;
  const count = data.addresses.length;
  const number = data.always ? 1 : nextStop(recall(), count);
  root.hidden = number === null;
  dismiss.hidden = data.always;
  if (number === null) return;
  link.href = data.addresses[number - 1];
  link.textContent = number === 1 ? "Take the tour" : `Continue the tour (${number} of ${count})`;
  dismiss.onclick = () => {
    remember(null);
    root.hidden = true;
  };
}
