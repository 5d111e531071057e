"use strict";
// Everything here is an addition: without it the page shows the same pictures and numbers.
for (const wipe of document.querySelectorAll(".wipe")) {
  const range = wipe.querySelector("input");
  range.addEventListener("input", () => wipe.style.setProperty("--at", `${range.value}%`));
}
for (const header of document.querySelectorAll("th[data-sort]")) {
  const button = document.createElement("button");
  button.type = "button";
  button.append(...header.childNodes);
  header.append(button);
  button.addEventListener("click", () => sortBy(header));
}
function sortBy(header) {
  const descending = header.ariaSort === "ascending";
  for (const other of header.parentNode.children) other.removeAttribute("aria-sort");
  header.ariaSort = descending ? "descending" : "ascending";
  const body = header.closest("table").tBodies[0];
  const value = (row) => row.cells[header.cellIndex].dataset.value;
  const compare = header.dataset.sort === "number" ? (a, b) => a - b : (a, b) => a.localeCompare(b);
  const known = [...body.rows].filter((row) => value(row) !== "");
  const unknown = [...body.rows].filter((row) => value(row) === ""); // last in either direction
  known.sort((a, b) => compare(value(a), value(b)) * (descending ? -1 : 1));
  body.append(...known, ...unknown);
}
