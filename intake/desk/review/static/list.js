"use strict";
// Deciding without marking first: about the testimony that has the focus. And the next one has it afterwards.
(() => {
  const form = document.getElementById("decide");
  document.getElementById(location.hash.slice(1))?.focus();
  if (!form) return;
  const marked = () => [...form.querySelectorAll(".row input:checked")];
  form.addEventListener("change", () => {
    document.getElementById("marked").textContent = `${marked().length} marked:`;
  });
  form.addEventListener("submit", () => {
    const here = document.activeElement.closest(".row");
    if (here && !marked().length) here.querySelector("input").checked = true;
    const last = marked().at(-1)?.closest(".row");
    const next = last?.nextElementSibling ?? last?.previousElementSibling;
    if (next) form.elements.next.value += `#${next.id}`;
  });
  addEventListener("keydown", event => {
    if (document.body.dataset.keys === "off" || event.key !== "v" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input:not([type=checkbox]), dialog")) return;
    const hidden = document.activeElement.closest(".row")?.querySelector("details");
    if (hidden) hidden.open = !hidden.open;
  });
})();
