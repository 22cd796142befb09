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

/**
 * Return the widths of columns { wide, least } that share `room` pixels: a column gets its share `wide`, but
 * at least `least` pixels, unless all of them have no room for that.
 * @param {{ wide: number, least: number }[]} columns
 * @param {number} room
 */
export function shareWidth(columns, room) {
  if (columns.reduce((sum, { least }) => sum + least, 0) > room) {
    columns = columns.map((one) => ({ ...one, least: 0 }));
  }
  const fixed = new Set();
  while (true) {
    const rest = columns.filter((one) => !fixed.has(one));
    const taken = [...fixed].reduce((sum, { least }) => sum + least, 0);
    const unit = (room - taken) / rest.reduce((sum, { wide }) => sum + wide, 0);
    const short = rest.filter(({ wide, least }) => wide * unit < least);
    if (!short.length) return columns.map((one) => fixed.has(one) ? one.least : one.wide * unit);
    short.forEach((one) => fixed.add(one));
  }
}
