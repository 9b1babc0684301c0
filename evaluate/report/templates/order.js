// Orders the runs, which are columns, by the row whose name is clicked; without it they stand as
// they were named. All tables of runs keep the same order.
const rows = [...document.querySelectorAll("table.across")].flatMap((table) => [...table.rows]);
const heads = rows.filter((row) => row.parentNode.tagName === "TBODY").map((row) => row.cells[0]);
const cellsOf = (row) => [...row.cells].slice(1);
const value = (cell) => {
  const number = Number(cell.dataset.v);
  return cell.dataset.v === "" || Number.isNaN(number) ? cell.dataset.v : number;
};
const compare = (a, b) => {
  if (typeof a === typeof b) return a < b ? -1 : a > b ? 1 : 0;
  return typeof a === "number" ? -1 : 1;
};
for (const head of heads) {
  const button = document.createElement("button");
  button.type = "button";
  button.append(...head.childNodes);
  head.append(button);
  button.addEventListener("click", () => {
    const down = head.getAttribute("aria-sort") !== "descending";
    heads.forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const values = cellsOf(head.parentNode).map(value);
    const sign = down ? -1 : 1;
    const order = [...values.keys()].sort((i, j) => {
      if (values[i] === "" || values[j] === "") return (values[i] === "") - (values[j] === "");
      return sign * compare(values[i], values[j]);
    });
    for (const row of rows) {
      const cells = cellsOf(row);
      row.append(...order.map((i) => cells[i]));
    }
  });
}
