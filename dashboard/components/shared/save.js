// Files that the browser saves: their names, the buttons that save them, and CSV.

/** @param {string} name */
export const fileStem = (name) => `vitlab-${name.replace(/[^a-z0-9]+/gi, "-").toLowerCase()}`;

/**
 * Let the browser save a file.
 * @param {Blob | string} content
 * @param {string} type MIME type of a text; a Blob has its own
 * @param {string} name
 */
export function saveFile(content, type, name) {
  const blob = content instanceof Blob ? content : new Blob([content], { type });
  const link = Object.assign(document.createElement("a"), {
    href: URL.createObjectURL(blob),
    download: name,
  });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/**
 * Add a button for each format, unless the bar already has buttons.
 * @param {HTMLElement} bar
 * @param {(format: string) => void} save
 */
export function offerFiles(bar, save, formats = ["png", "svg", "csv"]) {
  if (bar.childElementCount) return;
  for (const format of formats) {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = format.toUpperCase();
    button.title = format === "csv"
      ? "Download the data of this figure as CSV"
      : `Download this figure as ${button.textContent}`;
    button.addEventListener("click", () => save(format));
    bar.append(button);
  }
}

function quoted(value) {
  const text = value === null || value === undefined ? "" : String(value);
  return /[",\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
}

/**
 * Return rows of values as CSV.
 * @param {any[][]} rows
 */
export const csvOf = (rows) => rows.map((row) => row.map(quoted).join(",")).join("\n") + "\n";

/**
 * @param {any[][]} rows
 * @param {string} stem file name without its ending
 */
export const saveCsv = (rows, stem) => saveFile(csvOf(rows), "text/csv", `${stem}.csv`);
