// Numbers in half precision.

const HALF = (() => {
  const table = new Float32Array(65536); // the value of every float16
  for (let i = 0; i < 65536; i++) {
    const sign = i & 0x8000 ? -1 : 1;
    const exponent = (i >> 10) & 31;
    const fraction = i & 1023;
    table[i] = sign *
      (exponent ? 2 ** (exponent - 15) * (1 + fraction / 1024) : 2 ** -14 * (fraction / 1024));
  }
  return table;
})();

/**
 * Decode `count` float16 numbers, which begin at byte `from`.
 * @param {Uint8Array} bytes
 * @returns {Float32Array}
 */
export function decodeFloat16(bytes, from, count) {
  const view = new DataView(bytes.buffer, bytes.byteOffset + from, 2 * count);
  const out = new Float32Array(count);
  for (let i = 0; i < count; i++) out[i] = HALF[view.getUint16(2 * i, true)];
  return out;
}
