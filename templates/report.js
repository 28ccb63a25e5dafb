"use strict";
// Everything works without this file; it adds the one-frame comparison and the enlarged view, and opens all for print.
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

const box = document.getElementById("lightbox");
const stage = box.querySelector(".stage");
const words = document.getElementById("lightbox-words");
const pictures = [...document.querySelectorAll("img[data-zoom]")];
let shown = 0;
const view = (index) => {
  shown = (index + pictures.length) % pictures.length;
  const large = pictures[shown].cloneNode();
  large.removeAttribute("data-zoom");
  words.textContent = large.alt;
  large.alt = "";
  stage.replaceChildren(large);
};
const step = (by) => (by ? view(shown + by) : box.close());
pictures.forEach((picture, index) => {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "zoom";
  button.title = box.dataset.open;
  button.setAttribute("aria-haspopup", "dialog");
  picture.replaceWith(button);
  button.append(picture);
  button.addEventListener("click", () => {
    view(index);
    box.showModal();
  });
});
for (const b of box.querySelectorAll("button")) b.addEventListener("click", () => step(Number(b.dataset.step)));
box.addEventListener("keydown", (event) => {
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (by) {
    event.preventDefault();
    step(by);
  }
});
box.addEventListener("click", (event) => {
  if (event.target === box) box.close();
});

let closed = [];
addEventListener("beforeprint", () => {
  closed = [...document.querySelectorAll("details:not([open])")];
  for (const d of closed) d.open = true;
});
addEventListener("afterprint", () => {
  for (const d of closed) d.open = false;
});
