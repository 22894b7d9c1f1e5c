// A form is sent once: until the next page is there, further presses of its buttons do nothing and say that it is under way.
// The server answers a repeated form with what the first one made; this keeps the first answer on the screen.
// A form that htmx sends is none of these. When the browser comes back to a page, its forms are as before.
const region = document.getElementById("announcements");

function release() {
  for (const form of document.querySelectorAll("form[data-sent]")) delete form.dataset.sent;
  for (const button of document.querySelectorAll("[data-was-pressed]")) {
    button.removeAttribute("aria-disabled");
    delete button.dataset.wasPressed;
  }
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.getAttribute("method") !== "post") return;
  if (form.dataset.sent !== undefined) {
    event.preventDefault();
    region.textContent = region.dataset.sending;
    return;
  }
  form.dataset.sent = "";
  if (!event.submitter) return;
  event.submitter.dataset.wasPressed = "";
  event.submitter.setAttribute("aria-disabled", "true");
});
window.addEventListener("pageshow", (event) => {
  if (event.persisted) release();
});
window.addEventListener("keydown", (event) => {
  if (event.key === "Escape") release(); // stops the browser's loading as well
});
