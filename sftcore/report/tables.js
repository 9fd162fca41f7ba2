"use strict";
/* Tables that sort and filter.
   <table data-sort>: every <th> of its head without data-fixed gets a button; cells sort by data-value, else by text.
   <table data-filter="label">: gets a field above it that keeps the rows that hold all words typed. */
(() => {
  const told = document.body.dataset;

  const valueOf = (cell) => (cell ? cell.dataset.value ?? cell.textContent.trim() : "");

  const compare = (one, other) => {
    const numbers = [one, other].map((text) => (text === "" ? NaN : Number(text)));
    if (numbers.every(Number.isFinite)) return numbers[0] - numbers[1];
    if (numbers.some(Number.isFinite)) return Number.isFinite(numbers[0]) ? -1 : 1;
    return one.localeCompare(other, document.documentElement.lang, { numeric: true });
  };

  const sort = (table, place, head, descending) => {
    for (const other of head.parentElement.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", descending ? "descending" : "ascending");
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row) => [valueOf(row.cells[place]), row]);
    rows.sort((one, other) => (descending ? compare(other[0], one[0]) : compare(one[0], other[0])));
    body.append(...rows.map((pair) => pair[1]));
  };

  const sortable = (table) => {
    [...table.tHead.rows[0].cells].forEach((head, place) => {
      const name = head.textContent.trim();
      if (!name || "fixed" in head.dataset) return;
      const button = document.createElement("button");
      button.type = "button";
      button.title = told.sort.replace("%", name);
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const current = head.getAttribute("aria-sort");
        const first = head.classList.contains("number") ? "descending" : "ascending";
        const descending = current ? current === "ascending" : first === "descending";
        sort(table, place, head, descending);
      });
    });
  };

  const filterable = (table, number) => {
    const rows = [...table.tBodies[0].rows];
    const texts = rows.map((row) => row.textContent.toLocaleLowerCase());
    const field = document.createElement("input");
    field.type = "search";
    field.id = `filter-${number}`;
    field.autocomplete = "off";
    const label = document.createElement("label");
    label.htmlFor = field.id;
    label.textContent = table.dataset.filter;
    const shown = document.createElement("output");
    shown.htmlFor = field.id;
    const line = document.createElement("div");
    line.className = "filter";
    line.append(label, field, shown);
    (table.closest(".scroll") ?? table).before(line);
    field.addEventListener("input", () => {
      const words = field.value.toLocaleLowerCase().split(/\s+/).filter(Boolean);
      let left = 0;
      rows.forEach((row, place) => {
        row.hidden = !words.every((word) => texts[place].includes(word));
        left += row.hidden ? 0 : 1;
      });
      shown.value = words.length ? told.rows.replace("%", left).replace("#", rows.length) : "";
    });
  };

  document.querySelectorAll("table[data-sort]").forEach(sortable);
  document.querySelectorAll("table[data-filter]").forEach(filterable);
})();
