// Says progress politely, at most every five seconds: whatever carries data-announce in a swapped fragment.
const INTERVAL_MS = 5000;
const region = document.getElementById("announcements");
let saidAt = 0;
let waiting = null;

function say(words) {
  saidAt = Date.now();
  waiting = null;
  region.textContent = words;
}

function announce(words) {
  if (!words || words === region.textContent) return;
  clearTimeout(waiting);
  waiting = setTimeout(() => say(words), Math.max(0, saidAt + INTERVAL_MS - Date.now()));
}

document.addEventListener("htmx:afterSettle", (event) => {
  const spoken = event.detail.elt.closest("[data-announce]") ?? event.detail.elt.querySelector("[data-announce]");
  if (spoken) announce(spoken.textContent.replace(/\s+/g, " ").trim());
});
