// Messages of the server (packing.py): a JSON header, then arrays.

/**
 * Read the header of a message.
 * @param {Uint8Array} bytes
 * @returns {{ header: any, offset: number }} `offset`: of the first byte after the header
 */
export function readHeader(bytes) {
  const offset = 4 + new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
  return { header: JSON.parse(new TextDecoder().decode(bytes.subarray(4, offset))), offset };
}
