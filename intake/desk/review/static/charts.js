"use strict";
// "Write as a file" below a chart chooses that chart in the form. Without this, one chooses it there.
document.addEventListener("click", (event) => {
  const link = event.target.closest("[data-chart]");
  if (link) {
    event.preventDefault(); // to follow the link would take the focus away again
    document.getElementById("chart").value = link.dataset.chart;
    document.getElementById("path").focus();
  }
});
