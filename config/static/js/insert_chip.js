// A chip writes its placeholder at the cursor of the text, and tells the form that the text has changed.
document.addEventListener("click", (event) => {
  const chip = event.target.closest("[data-insert]");
  if (!chip) return;
  const area = document.getElementById(chip.dataset.insertInto);
  area.setRangeText(chip.dataset.insert, area.selectionStart, area.selectionEnd, "end");
  area.dispatchEvent(new Event("input", { bubbles: true }));
  area.focus();
});
