"use strict";
/* Shows pairs, keeps answers in this browser, saves them to a file. Nothing is sent. */
(() => {
  const $ = (id) => document.getElementById(id);
  const data = JSON.parse($("data").textContent);
  const words = $("trial").dataset;
  const key = `cloakcheck-rating-${data.sheet}`;
  const fill = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
  let state = { rater: 0, at: 0, answers: {} };
  let since = 0;

  const remember = () => {
    try { localStorage.setItem(key, JSON.stringify(state)); } catch { $("forgets").hidden = false; }
  };
  const recall = () => {
    try {
      const found = JSON.parse(localStorage.getItem(key));
      if (found && data.orders[found.rater - 1]) state = found;
    } catch { $("forgets").hidden = false; }
  };
  const order = () => data.orders[state.rater - 1];
  const form = $("answer");

  const show = (name) => {
    for (const id of ["start", "trial", "end"]) $(id).hidden = id !== name;
    $("erase").hidden = !state.rater;
    $("who").textContent = state.rater ? fill(words.rater, { number: state.rater }) : "";
    window.scrollTo(0, 0);
    $(`${name}-h`).focus({ preventScroll: true });
  };

  const picture = (element, source, alt) => { element.src = source; element.alt = alt; };

  const go = () => {
    if (!state.rater) return show("start");
    if (state.at >= order().length) return finish();
    const [item, left, right] = order()[state.at];
    const { prompt, works } = data.items[item];
    $("trial-h").textContent = fill(words.title, { at: state.at + 1, all: order().length });
    $("progress").value = state.at;
    picture($("left"), data.pictures[left], fill(words.left, { prompt }));
    picture($("right"), data.pictures[right], fill(words.right, { prompt }));
    $("works").replaceChildren(...works.map((place, i) => {
      const image = new Image();
      picture(image, data.works[place], fill(words.work, { at: i + 1 }));
      return image;
    }));
    form.reset();
    $("missing").textContent = "";
    const known = state.answers[item];
    if (known) for (const name of ["style", "quality"]) form.elements[name].value = known[name];
    $("back").disabled = state.at === 0;
    since = performance.now();
    show("trial");
  };

  const text = () => {
    const answers = data.items.map((_, item) => state.answers[item]);
    return JSON.stringify({ schema_version: data.version, sheet: data.sheet, rater: state.rater, answers });
  };
  const finish = () => {
    $("text").value = text();
    $("saved").textContent = "";
    show("end");
  };

  $("begin").addEventListener("submit", (event) => {
    event.preventDefault();
    state = { rater: Number($("number").value), at: 0, answers: {} };
    remember();
    go();
  });
  form.noValidate = true;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const [item] = order()[state.at];
    const given = { style: form.elements.style.value, quality: form.elements.quality.value };
    if (!given.style || !given.quality) {
      const open = given.style ? "quality" : "style";
      $("missing").textContent = event.submitter ? event.submitter.dataset.missing : "";
      form.elements[open][0].focus();
      return;
    }
    const looked = Math.min((performance.now() - since) / 1000, 86400);
    const before = state.answers[item] ? state.answers[item].seconds : 0;
    state.answers[item] = { ...given, seconds: Math.min(Math.round((before + looked) * 10) / 10, 86400) };
    state.at += 1;
    remember();
    go();
  });
  const back = () => { state.at = Math.max(0, state.at - 1); remember(); go(); };
  $("back").addEventListener("click", back);
  $("again").addEventListener("click", back);
  $("save").addEventListener("click", () => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([text()], { type: "application/json" }));
    link.download = `answers-rater-${state.rater}.json`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60000);
    $("saved").textContent = fill($("saved").dataset.done, { file: link.download });
  });
  $("erase").addEventListener("click", () => {
    if (!window.confirm(words.sure)) return;
    try { localStorage.removeItem(key); } catch { /* there was nothing to erase */ }
    state = { rater: 0, at: 0, answers: {} };
    $("number").value = "";
    go();
  });
  recall();
  go();
})();
