"use strict";
// Everything works without this file; it adds the one-frame comparison and opens all for print.
for (const box of document.querySelectorAll("[data-compare]")) {
  const frames = box.querySelector(".frames");
  const control = box.querySelector(".control");
  const range = control.querySelector("input");
  const buttons = [...control.querySelectorAll("button")];
  const show = (at) => {
    frames.classList.toggle("over", at !== "");
    if (at !== "") {
      frames.style.setProperty("--at", at + "%");
      range.value = at;
    }
    for (const b of buttons) b.setAttribute("aria-pressed", String(b.dataset.at === at));
  };
  for (const b of buttons) b.addEventListener("click", () => show(b.dataset.at));
  range.addEventListener("input", () => show(range.value));
  control.hidden = false;
  show("");
}
let closed = [];
addEventListener("beforeprint", () => {
  closed = [...document.querySelectorAll("details:not([open])")];
  for (const d of closed) d.open = true;
});
addEventListener("afterprint", () => {
  for (const d of closed) d.open = false;
});
