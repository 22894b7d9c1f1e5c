// A file dropped on [data-drop-area] goes into its file field, and the name of the chosen file is shown and said.
function sizeInWords(bytes) {
  return bytes < 1024 * 1024 ? `${Math.ceil(bytes / 1024)} KB` : `${(bytes / 1024 / 1024).toFixed(1)} MB`;
}

for (const area of document.querySelectorAll("[data-drop-area]")) {
  const input = area.querySelector('input[type="file"]');
  const chosen = area.querySelector("[data-drop-chosen]");

  const show = () => {
    chosen.textContent = [...input.files].map((file) => `${file.name}（${sizeInWords(file.size)}）`).join("、");
  };
  const mark = (isOver) => area.classList.toggle("drop--over", isOver);

  input.addEventListener("change", show);
  area.addEventListener("dragover", (event) => { event.preventDefault(); mark(true); });
  area.addEventListener("dragleave", () => mark(false));
  area.addEventListener("drop", (event) => {
    event.preventDefault();
    mark(false);
    if (event.dataTransfer.files.length === 0) return;
    input.files = event.dataTransfer.files;
    show();
  });
}
