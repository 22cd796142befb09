// Sizes that the drawings of both steppers share, in pixels.

export const TITLE = 21; // above a panel
export const SIGN = 58; // between two panels, for a sign
export const SMALLEST = 90; // image
const NARROW = 680; // in narrower drawings that are tall, panels are below each other
const TIGHT = 900; // in narrower drawings, the image and the spaces are smaller

/** Whether the panels of a drawing are below each other, as on a phone. */
export const isStacked = ({ w, h }) => w < NARROW && h > w;

/** Whether the panels of a drawing have little room next to each other. */
export const isTight = ({ w, h }) => w < TIGHT && !isStacked({ w, h });

/** The width of the image next to the panels, and of the space for a sign, in pixels. */
export const roomsOf = (view) =>
  isTight(view) ? { image: 0.2 * view.w, sign: 44 } : { image: 0.26 * view.w, sign: SIGN };
