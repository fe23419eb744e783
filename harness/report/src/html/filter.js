"use strict";
(() => {
  const form = document.querySelector("form.filter");
  if (!form) return;
  const words = form.elements.words;
  const verdict = form.elements.verdict;
  const told = form.querySelector("output");
  const groups = [...document.querySelectorAll("details.group")].map((group) => ({
    group,
    open: group.open,
    rows: [...group.querySelectorAll("tbody tr")].map((row) => ({ row, text: row.textContent.toLowerCase() })),
  }));
  const apply = () => {
    const wanted = words.value.toLowerCase().split(/\s+/).filter(Boolean);
    const active = wanted.length > 0 || verdict.value !== "";
    let shown = 0;
    let all = 0;
    for (const { group, open, rows } of groups) {
      let here = 0;
      for (const { row, text } of rows) {
        const fits =
          (verdict.value === "" || row.dataset.verdict === verdict.value) && wanted.every((word) => text.includes(word));
        row.hidden = !fits;
        if (fits) here += 1;
      }
      group.hidden = here === 0;
      group.open = active ? here > 0 : open;
      shown += here;
      all += rows.length;
    }
    told.textContent = `${shown} of ${all} cases`;
  };
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.hidden = false;
  // A link to a case must find it, even behind a filter or in a closed group.
  addEventListener("hashchange", () => {
    if (!location.hash.startsWith("#case:")) return;
    const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!target) return;
    if (target.hidden) {
      form.reset();
      apply();
    }
    target.closest("details").open = true;
    target.scrollIntoView({ block: "center" });
  });
  apply();
})();
