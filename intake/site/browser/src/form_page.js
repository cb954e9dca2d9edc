// The page with the form, taken over: what was typed leaves this browser sealed, or not at all.

import { drafts } from "./draft.js";
import { exchange, theForm } from "./exchange.js";
import { typed } from "./fields.js";
import { counted, data, words } from "./page.js";
import { arrive, sections } from "./sections.js";
import { send, sending } from "./sending.js";
import { say } from "./status.js";
import { carried, carry, drop } from "./tab.js";
import { warnUnless } from "./unsaved.js";
import { browserWay } from "./way.js";
import { nothingYet } from "./writing.js";

/** @typedef {import("./writing.js").Writing} Writing */

/** Takes over the page. */
export function formPage() {
  if (theForm().querySelector("[name=earlier_code]")) {
    return; // a form that has gone the plain way goes on in it: only the server knows its code
  }
  const writing = nothingYet();
  drop();
  warnUnless(() => ["[]", writing.safe].includes(JSON.stringify(typed(theForm()))));
  addEventListener("hashchange", arrive);
  takeOver(writing);
  if (location.hash) {
    arrive();
  }
}

/**
 * Takes over what the page holds now.
 * @param {Writing} writing
 */
function takeOver(writing) {
  const form = theForm();
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const pressed = /** @type {HTMLButtonElement | null} */ (event.submitter);
    if (pressed?.formMethod === "dialog") {
      return; // the one that Enter presses
    }
    if (pressed?.name === "switch") {
      sending() || changeLanguage(writing, pressed.value);
    } else {
      send(writing, pressed?.name === "earlier", () => refresh(writing, document.documentElement.lang));
    }
  });
  sections();
  drafts(writing);
  escapeSetting();
  // From here on the page says, and does, that nothing typed goes to the server.
  const code = form.querySelector("[name=code]");
  if (code instanceof HTMLInputElement) {
    writing.plainCode = code.value;
    code.remove();
  }
  browserWay();
}

/**
 * @param {Writing} writing
 * @param {string} language
 */
async function changeLanguage(writing, language) {
  say(words.changing);
  try {
    const lost = await refresh(writing, language);
    arrive();
    say([words.changed, lost && counted("lost", lost)].filter(Boolean).join(" "));
  } catch {
    say(words.notChanged);
  }
}

/**
 * Fetches the page anew, and takes it over.
 * @param {Writing} writing
 * @param {string} language
 * @returns {Promise<number>} how many answers have no place in the new page
 */
async function refresh(writing, language) {
  const lost = await exchange(`/${language}/${data?.call}`);
  takeOver(writing);
  return lost;
}

/** Lets the person turn off that Escape three times leaves. */
function escapeSetting() {
  const setting = document.getElementById("draft-escape");
  if (setting instanceof HTMLInputElement) {
    setting.checked = carried().quick !== false;
    setting.addEventListener("change", () => carry({ quick: setting.checked }));
  }
}
