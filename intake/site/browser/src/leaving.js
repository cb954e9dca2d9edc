// Leaving quickly: by one click on Exit, or by Escape three times. What is on the screen goes before anything else.

import { carried } from "./tab.js";
import { letGo } from "./unsaved.js";

const EXIT = "/exit";
const TIMES = 3;
const WITHIN = 2000; // milliseconds, from the first to the last
let left = false;
/** @type {number[]} */
let presses = [];

/** Sets up both ways out. They work on whatever the page shows later. */
export function quickExit() {
  addEventListener("click", leaveByLink, true);
  addEventListener("keydown", leaveByKey, true);
  // A browser that brings this page back from memory would show what had been left.
  addEventListener("pageshow", () => left && leave());
}

/**
 * @returns {boolean} whether the person is leaving: nothing may ask or hold them then
 */
export function leaving() {
  return left;
}

/** Clears the page from view, forgets the code, and goes to the neutral page, which takes this one's place. */
export function leave() {
  left = true;
  document.documentElement.hidden = true;
  document.title = "…";
  document.body.replaceChildren();
  window.name = "";
  letGo();
  location.replace(EXIT);
}

/** @param {MouseEvent} event */
function leaveByLink(event) {
  const link = event.target instanceof Element && event.target.closest("a");
  if (link && link.getAttribute("href") === EXIT) {
    event.preventDefault();
    leave();
  }
}

/** @param {KeyboardEvent} event */
function leaveByKey(event) {
  // A key that is held down, or that ends the composing of a character, is not pressed three times.
  if (event.key !== "Escape" || event.repeat || event.isComposing || carried().quick === false) {
    return;
  }
  presses = [...presses.filter((time) => event.timeStamp - time < WITHIN), event.timeStamp];
  if (presses.length >= TIMES) {
    event.preventDefault();
    leave();
  }
}
