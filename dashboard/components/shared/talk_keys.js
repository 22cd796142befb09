// The keys of a talk, which are the same in the tab that presents and in the speaker window.

const PREVIOUS_KEYS = ["ArrowLeft", "ArrowUp", "PageUp", "Backspace"];
const NEXT_KEYS = ["ArrowRight", "ArrowDown", "PageDown", " ", "Enter"];
const TEXT_FIELDS = /^(INPUT|TEXTAREA|SELECT)$/;
const CLICKABLE = /^(BUTTON|A|SUMMARY)$/;

/** Return whether a key press is meant for the talk, and not for the element that has the focus. */
export function isForTalk(event, focused = document.activeElement?.tagName ?? "") {
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  if (!event.key.startsWith("Page") && TEXT_FIELDS.test(focused)) return false;
  return !([" ", "Enter"].includes(event.key) && CLICKABLE.test(focused));
}

/** Return 1 for a key that shows the next step, -1 for one that shows the previous step, and 0 for others. */
export function direction(key) {
  return PREVIOUS_KEYS.includes(key) ? -1 : NEXT_KEYS.includes(key) ? 1 : 0;
}
