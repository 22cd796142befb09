// The part of a component's state that links must restore: query parameters in the address of the page.

import { repeat } from "./lifetime.js";

/**
 * Set these query parameters; null deletes one. The other parameters stay.
 * @param {Record<string, string | null>} parameters
 */
export function writeAddress(parameters) {
  const url = new URL(window.location.href);
  let changed = false;
  for (const [name, text] of Object.entries(parameters)) {
    if (url.searchParams.get(name) === text) continue;
    changed = true;
    if (text === null) url.searchParams.delete(name);
    else url.searchParams.set(name, text);
  }
  if (!changed) return;
  try {
    window.history.replaceState(window.history.state, "", url);
  } catch {
    // a file that is opened from disk cannot change its address
  }
}

/**
 * Keep parameters in the address. Streamlit writes the address too, and drops what a component wrote, so they
 * are written again until the signal is aborted, as long as the component is on the page.
 * @param {{ isConnected: boolean }} root of the component
 * @param {() => Record<string, string | null> | null} currentParameters null to write nothing
 * @param {AbortSignal} signal of `whileMounted`
 */
export function keepAddress(root, currentParameters, signal) {
  const page = window.location.pathname;
  const write = () => {
    const shown = root.isConnected && window.location.pathname === page;
    const parameters = shown ? currentParameters() : null;
    if (parameters) writeAddress(parameters);
  };
  repeat(write, 400, signal);
}

/**
 * Parse an integer from 0, by the rules of `Step` in dashboard/states/attention.py.
 * @param {string | null | undefined} text
 * @returns {number | null} null if the text is none
 */
export function parseWhole(text) {
  return /^[0-9]{1,9}$/.test(text ?? "") ? Number(text) : null;
}

/**
 * Parse a positive integer, by the rules of `Count` in dashboard/shared/page_state.py.
 * @param {string | null | undefined} text
 * @returns {number | null} null if the text is none
 */
export function parseCount(text) {
  return parseWhole(text) || null;
}
