// Says why something was not sent, and what the person can do. Nothing goes in clear unless they choose it.

import { SealingError } from "./author.js";
import { words } from "./page.js";
import { Refused, addressOf, go } from "./posting.js";
import { make, showSummary } from "./summary.js";

/**
 * @param {unknown} error what was thrown
 * @param {string} place where it was to go
 * @param {() => Record<string, string>} plainly the fields that would go without the lock, the code with them
 */
export function tellFailure(error, place, plainly) {
  const title = make("h2", { textContent: words.not_sent });
  if (error instanceof Refused && error.texts.length) {
    showSummary([title, ...error.texts]);
  } else if (error instanceof SealingError) {
    const act = () => go(addressOf(place), plainly());
    showSummary([title, words.not_locked, words.without], [{ label: words.send_without, act, second: true }]);
  } else {
    showSummary([title, words.not_arrived]);
  }
}
