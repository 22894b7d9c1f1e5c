// A row that was mended has no cell to type in any more: whoever works by keyboard goes on in the next row that has one.
let held = "";
document.addEventListener("htmx:beforeSwap", (event) => {
  const row = event.detail.target.closest("tr");
  if (row) held = row.contains(document.activeElement) ? row.id : "";
});
document.addEventListener("htmx:afterSettle", () => {
  const row = held && document.getElementById(held);
  held = "";
  if (!row || row.querySelector("form")) return;
  let next = row.nextElementSibling;
  while (next && !next.querySelector("input[type=text]")) next = next.nextElementSibling;
  next?.querySelector("input[type=text]").focus();
});
