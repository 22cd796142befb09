// Buttons for the tokens before the patches, such as CLS, which have no place in the image.

import { hasCls, prefixLabel, prefixOf, tokenName } from "./tokens.js";

/**
 * Show the button for CLS if there is CLS, and one for each other token before the patches.
 * @param {ParentNode} root with a button for CLS, and the place `.other-tokens` for the others
 * @param {any} header
 * @param {number | null} chosen token
 */
export function showTokenButtons(root, header, chosen) {
  const cls = /** @type {HTMLElement} */ (root.querySelector('[data-do="cls"]'));
  const place = /** @type {HTMLElement} */ (root.querySelector(".other-tokens"));
  cls.hidden = !hasCls(header);
  const names = prefixOf(header), from = hasCls(header) ? 1 : 0;
  if (place.dataset.names !== names.join()) {
    place.dataset.names = names.join();
    place.replaceChildren(
      ...names.slice(from).map((name, i) => {
        const button = document.createElement("button"), token = from + i;
        button.type = "button";
        button.dataset.do = "token";
        button.dataset.token = String(token);
        button.textContent = shortLabel(name);
        button.title = `Choose ${tokenName(token, header)}`;
        button.setAttribute("aria-label", prefixLabel(name));
        return button;
      }),
    );
  }
  for (const button of [cls, ...place.querySelectorAll("button")]) {
    const token = Number(/** @type {HTMLElement} */ (button).dataset.token ?? 0);
    button.setAttribute("aria-pressed", String(token === chosen));
  }
}

// "R1" for a register and "Dist." for the distillation token, so that many buttons fit into a row.
const shortLabel = (name) => name === "distillation" ? "Dist." : name.replace("register", "R");
