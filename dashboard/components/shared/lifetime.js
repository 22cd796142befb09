// How long a component listens to the window and the clock: while it is on the page.

const LOOK_MS = 400; // the time in which it is noticed that a component has left the page

/**
 * Call `attach` with a signal that is aborted soon after the component has left the page. While it is there,
 * further calls do nothing. If Streamlit mounts it again, the next call attaches it again.
 * @param {any} root element of the component
 * @param {(signal: AbortSignal) => void} attach
 */
export function whileMounted(root, attach) {
  if (root.lifetime && !root.lifetime.aborted) return;
  const controller = new AbortController();
  root.lifetime = controller.signal;
  repeat(() => root.isConnected || controller.abort(), LOOK_MS, controller.signal);
  attach(controller.signal);
}

/**
 * Call `act` every `milliseconds` until the signal is aborted.
 * @param {() => unknown} act
 * @param {number} milliseconds
 * @param {AbortSignal} signal
 */
export function repeat(act, milliseconds, signal) {
  const timer = setInterval(act, milliseconds);
  signal.addEventListener("abort", () => clearInterval(timer));
}
