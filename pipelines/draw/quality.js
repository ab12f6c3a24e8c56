// Search and filters of the page on data quality. Without this script the page still shows everything.
"use strict";
(function () {
  const byId = (id) => document.getElementById(id);
  const filters = [["issue-title", "title"], ["issue-severity", "severity"], ["issue-fixer", "fixer"]]
    .filter(([id]) => byId(id));

  function apply() {
    const words = byId("search").value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of document.querySelectorAll(".findable")) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
    }
    const issues = [...document.querySelectorAll(".issue")];
    for (const row of issues) {
      for (const [id, name] of filters) {
        if (byId(id).value && row.dataset[name] !== byId(id).value) row.hidden = true;
      }
    }
    if (byId("issue-count")) {
      byId("issue-count").textContent = issues.filter((row) => !row.hidden).length + " of " + issues.length + " issues";
    }
  }

  byId("search").addEventListener("input", apply);
  for (const [id] of filters) byId(id).addEventListener("change", apply);
  if (byId("by")) {
    byId("by").addEventListener("change", (event) => {
      for (const table of document.querySelectorAll(".accounts")) table.hidden = table.dataset.by !== event.target.value;
    });
  }
  byId("print").addEventListener("click", () => window.print());
})();
