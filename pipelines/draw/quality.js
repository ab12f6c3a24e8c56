// Search, filters and sorting of the quality scorecard, and what is overdue on the day of reading. Without this script the page
// still shows everything, with the days by which extracts are due.
"use strict";
(function () {
  const byId = (id) => document.getElementById(id);
  const all = (selector, within) => [...(within || document).querySelectorAll(selector)];
  const chosen = (id) => (byId(id) ? byId(id).value : "");

  function apply() {
    const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    const has = (text) => words.every((word) => text.toLowerCase().includes(word));
    const [of, severity, fixer] = [chosen("issue-of"), chosen("issue-severity"), chosen("issue-fixer")];
    for (const card of all(".card")) {
      // A dataset that is found by its name is shown whole; else those of its issues that are found.
      const named = has(card.querySelector("header").textContent);
      let left = 0;
      for (const row of all(".issue", card)) {
        row.hidden = !((named || has(row.textContent)) && (!severity || row.dataset.severity === severity)
          && (!fixer || row.dataset.fixer === fixer));
        if (!row.hidden) left += 1;
      }
      card.hidden = (of && card.dataset.of !== of) || (!left && (Boolean(severity || fixer) || !named));
    }
    for (const row of all(".glance .findable")) row.hidden = byId(row.dataset.of).hidden;
    if (byId("issue-count")) {
      const shown = all(".card:not([hidden]) .issue:not([hidden])").length;
      byId("issue-count").textContent = shown + " of " + all(".issue").length + " issues";
    }
  }

  function sortBy(heading) {
    const body = heading.closest("table").querySelector("tbody");
    const name = heading.dataset.sort;
    const down = heading.getAttribute("aria-sort") ? heading.getAttribute("aria-sort") === "ascending" : name === "size";
    for (const other of all("th[aria-sort]", heading.parentNode)) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", down ? "descending" : "ascending");
    const rows = all("tr", body);
    const compare = (a, b) => (name === "fixer" ? a.localeCompare(b, "en-GB") : Number(a) - Number(b));
    rows.sort((a, b) => (down ? -1 : 1) * compare(a.dataset[name], b.dataset[name]));
    for (const row of rows) body.append(row);
  }

  // The clock of whoever reads: an extract that was awaited when the page was made may be overdue by now.
  function tellToday() {
    const now = new Date();
    const months = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
      "November", "December"];
    const today = now.getDate() + " " + months[now.getMonth()] + " " + now.getFullYear();
    const late = new Set();
    for (const one of all("[data-due]")) {
      const [year, month, day] = one.dataset.due.split("-").map(Number);
      const days = Math.round((Date.UTC(now.getFullYear(), now.getMonth(), now.getDate()) - Date.UTC(year, month - 1, day)) / 864e5);
      if (days <= 0 || one.classList.contains("missing")) continue;
      one.classList.add("late");
      const words = "overdue by " + days + (days === 1 ? " day" : " days");
      if (one.tagName === "LI") {
        one.querySelector(".state").textContent += ": " + words;
      } else {
        one.textContent = words;
        late.add(one.closest("tr").dataset.of);
      }
    }
    if (byId("today")) {
      const many = late.size === 1 ? "1 dataset is overdue" : late.size ? late.size + " datasets are overdue" : "nothing more is overdue";
      byId("today").textContent = "; and as on the day of reading, " + today + ": " + many + ", unless a newer release has it";
    }
  }

  byId("search").addEventListener("input", apply);
  for (const id of ["issue-of", "issue-severity", "issue-fixer"]) if (byId(id)) byId(id).addEventListener("change", apply);
  for (const heading of all("th[data-sort]")) {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...heading.childNodes);
    button.addEventListener("click", () => sortBy(heading));
    heading.append(button);
  }
  // A link to a card that a filter hides would lead nowhere.
  for (const link of all(".glance a")) link.addEventListener("click", () => { byId(link.hash.slice(1)).hidden = false; });
  tellToday();
  byId("print").addEventListener("click", () => {
    for (const fold of all("details.account")) fold.open = true;
    window.print();
  });
})();
