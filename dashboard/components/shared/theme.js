// The page's colors and type, and when they change.

// Draw again when the theme changes: the root's color then runs through its transition (`transition: color
// 1ms` in its style sheet). No listener on the window, which would keep a page that was left in memory.
export function onTheme(root, redraw) {
  root.addEventListener("transitionend", (event) => event.target === root && redraw());
}

// How much larger the page's type is than on the pages (config.toml's baseFontSize): a talk's grows with its
// window. What a canvas writes grows with it.
export function zoomOf() {
  return parseFloat(getComputedStyle(document.documentElement).fontSize) / 15;
}

export function coloring(element) {
  const style = getComputedStyle(element);
  const read = (name, fallback) => style.getPropertyValue(name).trim() || fallback;
  const text = read("--st-text-color", "#222");
  const ground = read("--st-background-color", "#fff");
  const mixed = (share) => `color-mix(in srgb, ${text} ${share}%, ${ground})`;
  return {
    text,
    ground,
    faint: mixed(72),
    grid: mixed(12),
    track: mixed(16),
    mark: "#D55E00",
    font: read("--st-font", "sans-serif"),
  };
}
