// The link of the view, and messages to the visitor.

// Show a message for a few seconds.
function showMessage(root, text) {
  root.querySelector("[data-live]").textContent = text;
  const message = root.querySelector("[data-message]");
  message.textContent = text;
  clearTimeout(message.timer); // of an earlier message, which would end this one too early
  message.timer = setTimeout(() => {
    message.textContent = "";
  }, 4000);
}

/**
 * Copy the address of the page.
 * @param {HTMLElement} root with an element `data-message` for the visitor's eyes and `data-live` for screen
 *   readers, which may be the same
 * @param {boolean} own whether the view has the visitor's own image, which is not part of the link
 */
export async function copyLink(root, own) {
  const note = own ? " It does not contain your own image." : "";
  try {
    await navigator.clipboard.writeText(window.location.href);
    showMessage(root, `Link copied.${note}`);
  } catch {
    showMessage(root, `Copy the address of this page.${note}`);
  }
}
