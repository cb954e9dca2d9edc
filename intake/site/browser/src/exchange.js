// Puts a fresh copy of the form's page, in this language or another, in the place of the one that is open.

import { putBack, typed } from "./fields.js";
import { readPage } from "./page.js";
import { patience } from "./patience.js";

const SECONDS = 60; // over Tor a page can take long

/**
 * Fetches the page without telling anything, and takes over all of it but the answers, which stay as they are.
 * Throws where it cannot be had; then nothing has changed.
 * @param {string} path
 * @returns {Promise<number>} how many answers have no place in the new page
 */
export async function exchange(path) {
  const response = await fetch(path, { cache: "no-store", redirect: "error", signal: patience(SECONDS) });
  const next = new DOMParser().parseFromString(await response.text(), "text/html");
  if (!response.ok || !next.getElementById("form") || !next.getElementById("data")) {
    throw new Error("not the form");
  }
  const fields = typed(theForm());
  const { lang, dir } = next.documentElement;
  Object.assign(document.documentElement, { lang, dir });
  document.title = next.title;
  takeStyle(next);
  document.body.replaceChildren(...next.body.childNodes);
  readPage();
  history.replaceState(null, "", path + location.hash);
  if (location.hash) {
    location.replace(location.hash); // so that the style sheet finds the new section under the old name
  }
  return putBack(theForm(), fields);
}

/**
 * @returns {HTMLFormElement} the form with the answers
 */
export function theForm() {
  return /** @type {HTMLFormElement} */ (document.getElementById("form"));
}

/**
 * The policy of the open page knows only its own inline style. One that a script makes it leaves to the script.
 * @param {Document} next
 */
function takeStyle(next) {
  if (typeof CSSStyleSheet.prototype.replaceSync !== "function") {
    return; // an older browser: the words "Not answered" stay in the earlier language
  }
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(next.querySelector("head style")?.textContent ?? "");
  document.adoptedStyleSheets = [sheet];
  document.querySelector("head style")?.remove();
}
