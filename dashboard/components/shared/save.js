// Files that the browser saves: their names, the buttons that ask for them, and CSV.

export const fileStem = (name) => `vitlab-${name.replace(/[^a-z0-9]+/gi, "-").toLowerCase()}`;

export function giveFile(content, type, name) {
  const blob = content instanceof Blob ? content : new Blob([content], { type });
  const link = Object.assign(document.createElement("a"), {
    href: URL.createObjectURL(blob),
    download: name,
  });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// A button for each format in `bar`, once.
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
  const text = value === null || value === undefined ? "" : String(value).replace(/<[^>]*>/g, "");
  return /[",\n]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
}

// Rows of values as CSV; markup in a text is left out.
export const csvOf = (rows) => rows.map((row) => row.map(quoted).join(",")).join("\n") + "\n";

export const giveCsv = (rows, stem) => giveFile(csvOf(rows), "text/csv", `${stem}.csv`);
