// What pages do better with a script than without; everything works without it.
"use strict";

// The clock of a departure goes on while the page is looked at.
for (const place of document.querySelectorAll("[data-since]")) {
  const since = Date.parse(place.dataset.since);
  const tell = () => {
    const seconds = Math.max(0, Math.floor((Date.now() - since) / 1000));
    const part = (value) => String(value).padStart(2, "0");
    const days = Math.floor(seconds / 86400);
    const clock = [Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60, seconds % 60].map(part).join(":");
    place.textContent = days > 0 ? `${days} d ${clock}` : clock;
  };
  tell();
  setInterval(tell, 1000);
}

// A page that tells of something under way is loaded anew, unless somebody is about to do something on it.
if (document.querySelector("[data-under-way]")) {
  const busy = () => {
    const at = document.activeElement;
    const chosen = document.querySelector("input:checked, details[open]");
    return chosen || document.getSelection()?.toString() || (at && at.matches("input, select, textarea, button"));
  };
  setInterval(() => {
    if (!busy() && !document.hidden) location.replace(location.pathname + location.search.replace(/([?&])done=[^&]*&?/, "$1"));
  }, 3000);
}

// What is to be matched is gone through by key.
const cases = [...document.querySelectorAll(".case")];
document.addEventListener("keydown", (event) => {
  const at = event.target;
  if (!cases.length || event.ctrlKey || event.metaKey || event.altKey) return;
  if (at instanceof HTMLInputElement && at.type !== "radio") return;
  if (at instanceof HTMLTextAreaElement || at instanceof HTMLSelectElement) return;
  const here = cases.findIndex((one) => one.contains(document.activeElement));
  const go = (to) => cases[Math.min(Math.max(to, 0), cases.length - 1)].focus();
  const now = cases[here];
  const press = (value) => now?.querySelector(`button[value="${value}"]`)?.click();
  if (event.key === "j") go(here + 1);
  else if (event.key === "k") go(here - 1);
  else if (event.key === "l") press("link");
  else if (event.key === "x") press("exempt");
  else if (/^[1-5]$/.test(event.key)) {
    const radio = now?.querySelectorAll('input[type="radio"]')[Number(event.key) - 1];
    if (radio) radio.checked = true;
  } else return;
  event.preventDefault();
});
if (cases.length && location.hash === "#cases") cases[0].focus();
