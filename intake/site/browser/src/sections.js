// One section at a time: the style sheet shows it, and this moves the focus and the title to it.

import { words } from "./page.js";

let subject = "";

/** Takes the title of the page as it is now for what all of its sections are about. */
export function sections() {
  subject = document.title;
}

/** Moves to what the address names: the heading of a section, or the field of a question. */
export function arrive() {
  const target = location.hash ? document.getElementById(location.hash.slice(1)) : document.querySelector(".start");
  const section = target?.closest("section.page");
  if (!target || !section) {
    return;
  }
  document.title = [place(section), subject].filter(Boolean).join(" - ");
  const aim = target === section ? section.querySelector("h1") : target.querySelector("input,textarea,select");
  if (aim instanceof HTMLElement) {
    if (aim.localName === "h1") {
      aim.tabIndex = -1;
    }
    aim.focus({ preventScroll: true });
  }
}

/**
 * Where in the form a section is. Not its heading: a browser writes titles down in its history, and some sections
 * are there only for those who gave a certain answer.
 * @param {Element} section
 */
function place(section) {
  if (section.classList.contains("review")) {
    return section.querySelector("h1")?.textContent;
  }
  const links = [...document.querySelectorAll(".parts li")].filter((item) => getComputedStyle(item).display !== "none");
  const number = links.findIndex((item) => item.querySelector("a")?.hash === `#${section.id}`) + 1;
  return number && words.part.replace("%(number)s", String(number)).replace("%(total)s", String(links.length));
}
