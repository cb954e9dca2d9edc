// Which of the two ways this page goes. Its text tells of the plain one until everything here is ready.

/** Says that from now on everything is locked here, in the browser. */
export function browserWay() {
  for (const element of document.querySelectorAll("[data-way]")) {
    /** @type {HTMLElement} */ (element).hidden = element.getAttribute("data-way") !== "browser";
  }
}
