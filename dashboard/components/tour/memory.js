// What the browser remembers of the tour: the number of the last stop that was shown, or that the tour is
// done.

const STORED = "vitlab-tour";
const DONE = "done";

/** Return the stored text, or null if there is none or the browser does not store anything. */
export function recall() {
  try {
    return localStorage.getItem(STORED);
  } catch {
    return null;
  }
}

/** @param {number | null} number of the stop that is shown, or null once the tour was finished or skipped */
export function remember(number) {
  try {
    localStorage.setItem(STORED, number === null ? DONE : String(number));
  } catch {
    // the browser stores nothing: it offers the tour again
  }
}

/**
 * Return the number of the stop at which the tour continues, or null if it is not to be offered.
 * @param {string | null} stored
 * @param {number} count of all stops
 */
export function nextStop(stored, count) {
  if (stored === DONE) return null;
  const number = /^[0-9]{1,3}$/.test(stored ?? "") ? Number(stored) : 1;
  return number >= 1 && number <= count ? number : 1;
}
