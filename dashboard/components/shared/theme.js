// The colors and the type of the page.

/**
 * Call `redraw` when the theme changes. The root's color then runs through a transition (`transition: color
 * 1ms` in its style sheet). A listener on the window would keep a removed component in memory.
 * @param {HTMLElement} root
 * @param {() => void} redraw
 */
export function onTheme(root, redraw) {
  root.addEventListener("transitionend", (event) => event.target === root && redraw());
}

/**
 * Return the page's type size relative to the normal one (baseFontSize in config.toml). In a talk the type
 * grows with the window, and the text on a canvas must grow with it.
 */
export function typeScale() {
  return parseFloat(getComputedStyle(document.documentElement).fontSize) / 15;
}

/** @param {HTMLElement} element */
export function themeColors(element) {
  const style = getComputedStyle(element);
  const read = (name, fallback) => style.getPropertyValue(name).trim() || fallback;
  const text = read("--st-text-color", "#222");
  const background = read("--st-background-color", "#fff");
  const mixed = (percent) => `color-mix(in srgb, ${text} ${percent}%, ${background})`;
  return {
    text,
    background,
    faint: mixed(72),
    grid: mixed(12),
    track: mixed(16),
    mark: "#D55E00",
    font: read("--st-font", "sans-serif"),
  };
}
