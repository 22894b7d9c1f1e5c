// [data-print] opens the browser's print dialogue. Without a script the button stays hidden and the browser's own menu serves.
for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
}
