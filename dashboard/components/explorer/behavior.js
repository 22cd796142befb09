// The measured behavior of the heads: the choice of an order, and the summary of one head.

// Return the measure by which the heads are ordered, or null for the order of the layers. Without a stored
// result, the order of the layers is kept until the heads are measured.
export function measureOf({ header, state }) {
  return header.behavior?.measures.find(({ order }) => order === state.order) ?? null;
}

// What the heads are measured over: test images, or the photographs of a model without labels.
export const sampleOf = ({ sample = "test images" }) => sample;

/**
 * Update the choice of the order.
 * @param {HTMLElement} root
 */
export function showOrder(root, { header, state }) {
  const place = /** @type {HTMLElement} */ (root.querySelector(".xp-order"));
  const select = place.querySelector("select");
  place.hidden = Boolean(header.standalone) && !header.behavior; // a file cannot measure anything
  const known = header.behavior?.measures.map(({ order }) => order);
  for (const option of select.options) {
    option.hidden = option.disabled = Boolean(known) && option.value !== "layers" &&
      !known.includes(option.value);
  }
  select.value = state.order;
  root.querySelector('[data-state="over"] [data-value="test"]').textContent = sampleOf(header);
  root.classList.toggle("described", Boolean(header.behavior));
}

/**
 * Return the summary of a head: its name with the number of images, and its values by label.
 * @returns {{ about: string, values: [string, string][] }}
 */
export function summaryOf({ header, cell }) {
  const { count, ablated, measures } = header.behavior, { r, c } = cell;
  if (r === header.layers || c === header.heads) {
    return { about: `Choose one head to see what it does over the ${sampleOf(header)}.`, values: [] };
  }
  const values = measures.map(({ ablated: changes, label, texts }) => {
    const fewer = changes && ablated < count ? ` (${ablated} images)` : "";
    return [label + fewer, texts[r][c]];
  });
  return { about: `Layer ${r + 1}, head ${c + 1} (${count} ${sampleOf(header)})`, values };
}

// Show the summary of the chosen head, or of the one under the pointer.
export function showSummary(root, view) {
  if (!view.header.behavior) return;
  const { about, values } = summaryOf(view), place = root.querySelector(".xp-summary");
  const text = (tag, content) => Object.assign(document.createElement(tag), { textContent: content });
  const items = values.map(([label, value]) => {
    const item = document.createElement("span");
    item.append(text("span", label), text("b", value));
    return item;
  });
  place.replaceChildren(text("strong", about), ...items);
}
