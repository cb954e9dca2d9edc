// The receipt: it shows the code that only this browser knows, and lets go of it once it is written down.

import { derive, groups, read } from "./code.js";
import { data, words } from "./page.js";
import { decimal } from "./digits.js";
import { hex } from "./encoding.js";
import { takeFiles } from "./evidence.js";
import { leave, leaving } from "./leaving.js";
import { carriedCode } from "./pouch.js";
import { letGo, warnUnless } from "./unsaved.js";

/** Fills in the page. */
export function receiptPage() {
  const output = document.getElementById("return-code");
  if (!output || !data) {
    return; // of an addition, which has no code of its own
  }
  const code = output.textContent ? read(output.textContent) : carriedCode(data.access);
  const keys = code && derive(code, data.instance);
  if (!keys || (data.access && hex(keys.access) !== data.access)) {
    return; // what this tab carries is the code of another testimony
  }
  output.textContent = groups(code);
  for (const element of document.querySelectorAll("[data-code]")) {
    element.toggleAttribute("hidden", element.getAttribute("data-code") !== "here");
  }
  document.getElementById("print")?.addEventListener("click", () => print());
  askForCode(code);
  const files = document.getElementById("evidence");
  if (files instanceof HTMLFormElement) {
    if (data.access) {
      takeFiles(files, keys, code);
    } else {
      files.addEventListener("submit", letGo);
    }
  }
}

/**
 * Asks for the last group of the code before the page is left.
 * @param {string} code
 */
function askForCode(code) {
  const form = /** @type {HTMLFormElement} */ (document.getElementById("finish"));
  const input = /** @type {HTMLInputElement} */ (form.querySelector("input"));
  const check = () => input.setCustomValidity(digits(input.value) === code.slice(-4) ? "" : words.otherDigits);
  input.removeAttribute("pattern"); // the server knows no code to write there
  input.addEventListener("input", check);
  check();
  warnUnless(leaving);
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    leave();
  });
}

/** @param {string} typed */
function digits(typed) {
  return Array.from(typed, (character) => decimal(character) ?? "").join("");
}
