// What a component keeps in the page's address, where links have it: { name: text, or null to leave it out }.

export function writeAddress(told) {
  const url = new URL(window.location.href);
  let changed = false;
  for (const [name, text] of Object.entries(told)) {
    if (url.searchParams.get(name) === text) continue;
    changed = true;
    if (text === null) url.searchParams.delete(name);
    else url.searchParams.set(name, text);
  }
  if (!changed) return;
  try {
    window.history.replaceState(window.history.state, "", url);
  } catch {
    // a file opened from disk has no address to write to
  }
}

// Streamlit writes the address too, and knows of nothing that a component wrote: it is written again, until
// the page is left; then `onLeave` is called. `told()` gives what stands there, or null for nothing. Called
// again, it goes on where it had ended.
export function keepAddress(root, told, onLeave = () => {}) {
  if (root.addressKept) return;
  root.addressKept = true;
  const page = window.location.pathname;
  const timer = setInterval(() => {
    if (!root.isConnected) {
      root.addressKept = false;
      clearInterval(timer);
      return onLeave();
    }
    const words = window.location.pathname === page ? told() : null;
    if (words) writeAddress(words);
  }, 400);
}
