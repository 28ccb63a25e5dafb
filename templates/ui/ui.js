"use strict";
// A part of the page that says so is fetched again, without moving what the reader is at. Without script the page
// loads itself again.
(function again() {
  const live = document.getElementById("live");
  const seconds = live && Number(live.dataset.again);
  if (!seconds) return;
  setTimeout(async () => {
    try {
      const answer = await fetch(location.href, { credentials: "same-origin" });
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const fresh = page.getElementById("live");
      if (!fresh) return;
      document.title = page.title;
      if (live.dataset.tell && ["done", "failed"].includes(fresh.dataset.tell)) tell(page.title);
      // What can be done has changed, too: that lies outside.
      if (fresh.dataset.state !== live.dataset.state) return location.reload();
      if (!live.contains(document.activeElement)) {
        for (const part of fresh.querySelectorAll("details")) {
          const same = [...live.querySelectorAll("details")][[...fresh.querySelectorAll("details")].indexOf(part)];
          if (same) part.open = same.open;
        }
        live.replaceWith(document.adoptNode(fresh));
      }
    } catch {
      // The server is closed; it may come back.
    }
    again();
  }, seconds * 1000);
})();
// Who allows it is told of the end of a test by the browser, too; the words are those of the page's title.
function tell(text) {
  if (window.Notification && Notification.permission === "granted") new Notification(text);
}
(function offer() {
  const button = document.getElementById("tell");
  if (!button || !window.Notification || Notification.permission !== "default") return;
  button.parentElement.hidden = false;
  button.addEventListener("click", async () => {
    await Notification.requestPermission();
    button.parentElement.hidden = true;
  });
})();
// A folder that is dropped on a field leaves its path there, where the browser gives one.
for (const field of document.querySelectorAll(".typed input")) {
  field.addEventListener("drop", (event) => {
    const text = event.dataTransfer.getData("text/uri-list") || event.dataTransfer.getData("text/plain");
    if (!text) return;
    event.preventDefault();
    field.value = text.split(/\r?\n/)[0];
  });
}
