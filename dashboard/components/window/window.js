// Tells the server whether the window is narrower than a phone in landscape. data: { narrow }, what the server assumes.

const query = window.matchMedia("(max-width: 599.98px)");

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector("i");
  root.report = () => {
    if (query.matches !== root.assumed) setStateValue("narrow", query.matches);
  };
  root.assumed = data.narrow;
  if (!root.listens) {
    root.listens = true;
    const changed = () => root.isConnected ? root.report() : query.removeEventListener("change", changed);
    query.addEventListener("change", changed);
  }
  root.report();
}
