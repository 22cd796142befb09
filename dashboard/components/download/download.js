// data: header { name, kind, stamp }, the file. The same stamp is given once.

import { headerOf } from "../shared/message.js";
import { giveFile } from "../shared/save.js";

export default function ({ data, parentElement }) {
  const { header, at } = headerOf(data);
  if (parentElement.gift === header.stamp) return;
  parentElement.gift = header.stamp;
  giveFile(new Blob([data.slice(at)], { type: header.kind }), "", header.name);
}
