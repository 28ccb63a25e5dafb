"use strict";
// Everything works without this file; it adds the one-frame comparison and the enlarged view, and opens what a link leads to.
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
const full = document.getElementById("lightbox-full");
const pictures = [...document.querySelectorAll("img[data-zoom]")];
let shown = 0;
const view = (index) => {
  shown = (index + pictures.length) % pictures.length;
  const large = pictures[shown].cloneNode();
  large.removeAttribute("data-zoom");
  words.textContent = large.alt;
  large.alt = "";
  stage.replaceChildren(large);
  const from = pictures[shown].closest("a.zoom");
  full.hidden = !from;
  if (from) full.href = from.getAttribute("href");
};
const step = (by) => (by ? view(shown + by) : box.close());
pictures.forEach((picture, index) => {
  let opener = picture.closest("a.zoom");
  if (!opener) {
    opener = document.createElement("button");
    opener.type = "button";
    opener.className = "zoom";
    picture.replaceWith(opener);
    opener.append(picture);
  }
  opener.title = box.dataset.open;
  opener.setAttribute("aria-haspopup", "dialog");
  opener.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
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

// Tables that sort by the heading that is clicked: by number where there is one, else by text.
const rank = (row, column) => {
  const text = row.cells[column].textContent.trim();
  const number = parseFloat(text.replace("\u2212", "-").replace(",", "."));
  return [Number.isNaN(number) ? 1 : 0, Number.isNaN(number) ? text : number];
};
for (const table of document.querySelectorAll("table[data-sort]")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const rows = [...table.tBodies[0].rows].map((row) => [rank(row, column), row]);
      rows.sort(([a], [b]) => (a[0] - b[0] || (a[1] < b[1] ? -1 : a[1] > b[1] ? 1 : 0)) * (up ? 1 : -1));
      table.tBodies[0].append(...rows.map(([, row]) => row));
    });
  });
}

const all = document.getElementById("open-all");
all.parentElement.hidden = false;
all.addEventListener("click", () => {
  for (const d of document.querySelectorAll("details")) d.open = true;
});

// A link into a folded part opens it.
const unfold = () => {
  const id = decodeURIComponent(location.hash.slice(1));
  const place = id && document.getElementById(id);
  if (!place) return;
  const own = place.querySelector(":scope > details.part");
  if (own) own.open = true;
  for (let d = place.closest("details"); d; d = d.parentElement.closest("details")) d.open = true;
  place.scrollIntoView();
};
addEventListener("hashchange", unfold);
unfold();
