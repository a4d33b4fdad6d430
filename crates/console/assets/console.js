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

// A page that shows what changes is brought up to date when it is told so, unless somebody is about to do something on it.
const main = document.getElementById("main");
if (main?.matches("[data-live]")) {
  let waiting = false;
  let source = null;
  const busy = () => {
    const at = document.activeElement;
    const chosen = main.querySelector("input:checked, details[open]");
    return chosen || document.getSelection()?.toString() || (at && at.matches("input, select, textarea, button"));
  };
  const refresh = async () => {
    if (busy() || document.hidden) return;
    waiting = false;
    const here = location.pathname + location.search.replace(/([?&])done=[^&]*&?/, "$1");
    const answer = await fetch(here, { headers: { "X-Tenure-Live": "1" } }).catch(() => null);
    if (!answer?.ok || answer.redirected || busy()) return;
    const next = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById("main");
    if (next && !busy()) main.replaceChildren(...next.childNodes);
  };
  const listen = () => {
    if (document.hidden || source?.readyState < 2) return;
    source = new EventSource("/live");
    source.addEventListener("changed", () => (waiting = true));
  };
  // Where no stream is to be had, what is under way is looked at now and then.
  setInterval(() => {
    if (waiting || (source?.readyState !== 1 && main.querySelector("[data-under-way]"))) refresh();
  }, 1500);
  document.addEventListener("visibilitychange", () => (document.hidden ? source?.close() : listen()));
  listen();
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
if (location.hash === "#at") document.getElementById("at")?.focus();
