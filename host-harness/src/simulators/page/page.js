// Looks again every few seconds without losing the place: what is open stays open, what is scrolled stays scrolled.
"use strict";
const EVERY = 3000;
const key = (node) => node.getAttribute("aria-label");
const busy = () =>
  document.hidden ||
  !getSelection().isCollapsed ||
  (document.activeElement && document.activeElement.matches("select, option"));
async function again() {
  if (busy()) return;
  const answer = await fetch(location.pathname + location.search, { cache: "no-store" });
  if (!answer.ok || busy()) return;
  const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
  for (const kept of document.querySelectorAll("details[id]")) {
    const same = fresh.getElementById(kept.id);
    if (same) same.open = kept.open;
  }
  const chosen = document.querySelector("select");
  const scrolled = new Map([...document.querySelectorAll(".scroll")].map((node) => [key(node), [node, node.scrollLeft, node.scrollTop]]));
  const focused = document.activeElement;
  for (const part of ["main", ".clock"]) {
    const [old, now] = [document.querySelector(part), fresh.querySelector(part)];
    // A button under the finger or with the focus is not taken away.
    if (!old || !now || old.innerHTML === now.innerHTML || (part === ".clock" && old.matches(":active"))) continue;
    const inside = old.contains(focused) && focused.value !== undefined ? focused.value : null;
    old.replaceWith(document.adoptNode(now));
    if (inside !== null) [...now.querySelectorAll("button")].find((b) => b.value === inside)?.focus({ preventScroll: true });
  }
  const select = document.querySelector("select");
  if (chosen && select && select !== chosen && chosen.dataset.touched) {
    select.value = chosen.value;
    select.dataset.touched = "yes";
  }
  for (const node of document.querySelectorAll(".scroll")) {
    const [before, left, top] = scrolled.get(key(node)) ?? [node, 0, 0];
    if (before !== node) node.scrollTo(left, top);
  }
}
document.addEventListener("change", (event) => {
  if (event.target.matches("select")) event.target.dataset.touched = "yes";
});
setInterval(() => again().catch(() => {}), EVERY);
