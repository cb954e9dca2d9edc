// A form that a script sends: once at a time, and with a word about it.

import { words } from "./page.js";

/**
 * @param {HTMLFormElement} form with a line of the class `status`
 * @param {() => Promise<void>} send
 */
export function takeOver(form, send) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    // A hidden button is the one that Enter presses on a choice: it sends nothing.
    if (form.inert || event.submitter?.hidden) {
      return;
    }
    const line = form.querySelector(".status");
    form.inert = true;
    line?.replaceChildren(words.sending);
    await new Promise((resolve) => setTimeout(resolve)); // so that the page says it before it is busy
    try {
      await send();
    } finally {
      form.inert = false;
      line?.replaceChildren();
    }
  });
}
