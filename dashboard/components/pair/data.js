// The message with both sides, as the server sends it.
//
// A message is one Uint8Array: the header, the images of the left and the right side [S, S, 3] as bytes, and
// the weights of each side for which header.has is true, as explorer/frames.js describes them. `header.sides`
// are two headers of the explorer.

import { decodeFrame } from "../explorer/frames.js";
import { readHeader } from "../shared/message.js";

/**
 * Read a message.
 * @param {Uint8Array} bytes
 * @returns {{ header: any, images: Uint8Array[], frames: any[] }} frames: null where there are no weights
 */
export function unpackPair(bytes) {
  const { header, offset } = readHeader(bytes);
  let from = offset;
  const images = header.sides.map(({ size }) => {
    const length = size * size * 3;
    from += length;
    return bytes.slice(from - length, from);
  });
  const frames = header.sides.map((side, i) => {
    if (!header.has[i]) return null;
    const frame = decodeFrame(bytes, from, side);
    from += 2 * (frame.weights.length + frame.rollout.length);
    return frame;
  });
  return { header, images, frames };
}
