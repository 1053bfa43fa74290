"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  for (const hidden of document.querySelectorAll(".controls[hidden], .reader[hidden]")) hidden.hidden = false;

  // The epoch reader takes its numbers from the table, so that both always agree.
  const slider = document.getElementById("epoch");
  const table = document.getElementById("epochs");
  if (slider && table) {
    const names = [...table.tHead.rows[0].cells].slice(1).map((cell) => cell.textContent);
    const rows = [...table.tBodies[0].rows].map((row) => [...row.cells].map((cell) => cell.textContent));
    const epochs = rows.map((row) => parseInt(row[0], 10));
    const kept = [...table.tBodies[0].rows].findIndex((row) => row.classList.contains("kept"));
    const first = epochs[0];
    const last = epochs[epochs.length - 1];
    const charts = [...document.querySelectorAll("#loss svg[data-first]")];
    const values = document.getElementById("epoch-values");
    const cells = names.map((name) => {
      const pair = document.createElement("div");
      const term = document.createElement("dt");
      const value = document.createElement("dd");
      term.textContent = name;
      pair.append(term, value);
      values.append(pair);
      return value;
    });
    const show = (index) => {
      slider.value = index;
      document.getElementById("epoch-now").textContent = String(epochs[index]);
      slider.setAttribute("aria-valuetext", "epoch " + epochs[index]);
      cells.forEach((cell, i) => { cell.textContent = rows[index][i + 1]; });
      const share = last > first ? (epochs[index] - first) / (last - first) : 0;
      for (const chart of charts) {
        const x = Number(chart.dataset.first) + share * (chart.dataset.last - chart.dataset.first);
        const cursor = chart.querySelector(".cursor");
        cursor.setAttribute("x1", x);
        cursor.setAttribute("x2", x);
      }
    };
    const nearest = (epoch) =>
      epochs.reduce((best, value, i) => (Math.abs(value - epoch) < Math.abs(epochs[best] - epoch) ? i : best), 0);
    slider.addEventListener("input", () => show(Number(slider.value)));
    for (const chart of charts) {
      chart.addEventListener("pointermove", (event) => {
        const box = chart.getBoundingClientRect();
        const x = ((event.clientX - box.left) / box.width) * chart.viewBox.baseVal.width;
        const span = chart.dataset.last - chart.dataset.first;
        const share = span > 0 ? Math.min(1, Math.max(0, (x - chart.dataset.first) / span)) : 0;
        show(nearest(first + share * (last - first)));
      });
    }
    show(kept >= 0 ? kept : rows.length - 1);
  }

  // Examples in groups, and the difference.
  const groups = [...document.querySelectorAll(".tiles[data-group]")];
  const buttons = [...document.querySelectorAll("button[data-group]")];
  const choose = (group) => {
    for (const tiles of groups) tiles.classList.toggle("away", tiles.dataset.group !== group);
    for (const button of buttons) button.setAttribute("aria-pressed", String(button.dataset.group === group));
  };
  for (const button of buttons) button.addEventListener("click", () => choose(button.dataset.group));
  if (buttons.length) choose("0");
  const difference = document.getElementById("difference");
  if (difference) {
    const place = difference.closest("section");
    difference.addEventListener("change", () => place.classList.toggle("differ", difference.checked));
    place.classList.toggle("differ", difference.checked);
  }
  addEventListener("beforeprint", () => { for (const part of document.querySelectorAll("details")) part.open = true; });
})();
