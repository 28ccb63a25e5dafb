// Rows can be read without this; it sorts them by the column whose heading is pressed.
for (const table of document.querySelectorAll(".sortable")) {
  const heads = [...table.querySelectorAll("thead th")];
  const body = table.tBodies[0];
  const order = new Intl.Collator(document.documentElement.lang, { numeric: true });
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const up = head.getAttribute("aria-sort") !== "ascending";
      for (const other of heads) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", up ? "ascending" : "descending");
      const value = (row) => row.cells[column].dataset.key ?? row.cells[column].textContent;
      const number = (text) => (text === "" || isNaN(text) ? null : Number(text));
      const rows = [...body.rows].sort((a, b) => {
        const [x, y] = [value(a), value(b)];
        const [m, n] = [number(x), number(y)];
        if (m !== null && n !== null) return up ? m - n : n - m;
        if ((m === null) !== (n === null)) return m === null ? 1 : -1;
        return up ? order.compare(x, y) : order.compare(y, x);
      });
      body.append(...rows);
    });
  });
}
