// After a form came back with errors, the keyboard starts at their summary.
const focusSummary = () => document.getElementById("error-summary")?.focus();
focusSummary();
document.addEventListener("htmx:afterSettle", (event) => {
  if (event.detail.elt.querySelector("#error-summary")) focusSummary();
});
