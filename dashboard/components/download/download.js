// Saves a file that the server sends. data: header { name, type, id }, then the content. A file with the same
// id is saved once.

import { readHeader } from "../shared/message.js";
import { saveFile } from "../shared/save.js";

export default function ({ data, parentElement }) {
  const { header, offset } = readHeader(data);
  if (parentElement.savedId === header.id) return;
  parentElement.savedId = header.id;
  saveFile(new Blob([data.slice(offset)], { type: header.type }), "", header.name);
}
