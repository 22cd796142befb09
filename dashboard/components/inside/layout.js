// Sizes that the drawings of both steppers share, in pixels.

export const TITLE = 21; // above a panel
export const SIGN = 58; // between two panels, for a sign
export const SMALLEST = 90; // image
export const NARROW = 680; // in narrower drawings, panels are below each other
