// Touch screens.

/**
 * Keep a long press on a canvas from opening the browser's menu, which would end the touch. A finger that
 * rests on a canvas points at it, as a mouse does. The menu of the right mouse button is kept.
 * @param {HTMLElement} root
 */
export function preventTouchMenu(root) {
  let touched = false;
  root.addEventListener("pointerdown", (event) => {
    touched = event.pointerType === "touch";
  }, { capture: true });
  root.addEventListener("contextmenu", (event) => {
    if (touched && event.target instanceof HTMLCanvasElement) event.preventDefault();
  });
}
