// What the server packs (packing.py): a header in JSON, then arrays.

// -> { header, at }: the JSON in front, and where the bytes after it begin
export function headerOf(bytes) {
  const at = 4 + new DataView(bytes.buffer, bytes.byteOffset, 4).getUint32(0, true);
  return { header: JSON.parse(new TextDecoder().decode(bytes.subarray(4, at))), at };
}
