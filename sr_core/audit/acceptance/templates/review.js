"use strict";
const main = document.querySelector("main");
const items = [...document.querySelectorAll(".item")];
const reviewer = document.getElementById("reviewer");
const save = document.getElementById("save");
const memory = `srfleet ${main.dataset.run} ${main.dataset.seed}`;
const choices = { g: "good", d: "defect", u: "unsure" };
let current = 0;

const chosen = (item) => item.querySelector("input[type=radio]:checked")?.value;
const note = (item) => item.querySelector(".note");

function show(index) {
  current = Math.min(Math.max(index, 0), items.length - 1);
  items.forEach((item, place) => item.classList.toggle("current", place === current));
}

function decided() {
  const left = items.filter((item) => !chosen(item)).length;
  const text = left ? `${left} of ${items.length} to decide` : "all decided: save the file";
  document.getElementById("progress").textContent = text;
  save.disabled = left > 0 || !reviewer.value.trim();
  const state = { reviewer: reviewer.value, items: items.map((item) => [chosen(item) ?? "", note(item).value]) };
  try {
    localStorage.setItem(memory, JSON.stringify(state));
  } catch {} // some browsers keep nothing for files; deciding works all the same
}

function recall() {
  try {
    const state = JSON.parse(localStorage.getItem(memory));
    reviewer.value = state.reviewer;
    state.items.forEach(([value, text], place) => {
      if (value) items[place].querySelector(`input[value=${value}]`).checked = true;
      note(items[place]).value = text;
    });
  } catch {}
}

document.addEventListener("keydown", (event) => {
  if (event.target.matches?.("input:not([type=radio])") || event.ctrlKey || event.metaKey || event.altKey) return;
  if (choices[event.key]) {
    items[current].querySelector(`input[value=${choices[event.key]}]`).checked = true;
    decided();
    show(current + 1);
  } else if (event.key === "ArrowRight" || event.key === "ArrowLeft") {
    event.preventDefault(); // or the arrow moves the choice
    show(current + (event.key === "ArrowRight" ? 1 : -1));
  }
});
document.addEventListener("input", decided);
document.addEventListener("change", decided);

save.addEventListener("click", () => {
  const found = {
    schema: main.dataset.schema,
    run_id: main.dataset.run,
    root_hash: main.dataset.hash || null,
    rules: main.dataset.rules,
    max_defects: Number(main.dataset.share),
    confidence: Number(main.dataset.confidence),
    seed: Number(main.dataset.seed),
    reviewer: reviewer.value.trim(),
    decisions: items.map((item, place) => ({
      place, image_id: item.dataset.id, decision: chosen(item), note: note(item).value,
    })),
  };
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([JSON.stringify(found, null, 1)], { type: "application/json" }));
  link.download = `decisions-${main.dataset.run}.json`;
  link.click();
  URL.revokeObjectURL(link.href);
});

document.body.classList.add("one");
recall();
show(items.findIndex((item) => !chosen(item)));
decided();
