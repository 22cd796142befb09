// What a tab remembers of a talk until it is closed, across reloads.

/**
 * Return what `remember` stored, or an empty object if there is none or the browser stores nothing.
 * @param {string} name
 */
export function recall(name) {
  try {
    return JSON.parse(sessionStorage.getItem(name) ?? "{}");
  } catch {
    return {};
  }
}

/**
 * @param {string} name
 * @param {object} value
 */
export function remember(name, value) {
  try {
    sessionStorage.setItem(name, JSON.stringify(value));
  } catch {
    // the browser stores nothing, for example in a frame of another site: a reload begins the talk again
  }
}
