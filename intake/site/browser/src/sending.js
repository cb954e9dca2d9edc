// Sends the form in the browser way: checked, sealed, posted as ciphertext. What was typed stays, whatever happens.

import { check, collect } from "./answers.js";
import { groups } from "./code.js";
import { openSaving } from "./draft.js";
import { canonical } from "./encoding.js";
import { theForm } from "./exchange.js";
import { data, words } from "./page.js";
import { patience } from "./patience.js";
import { carryCode } from "./pouch.js";
import { showProblems } from "./problems.js";
import { say } from "./status.js";
import { clearSummary, make, showSummary } from "./summary.js";
import { drop } from "./tab.js";
import { sealAddition, sealTestimony } from "./testimony.js";
import { letGo } from "./unsaved.js";
import { codeOf } from "./writing.js";

const SECONDS = 180; // over Tor a sending can take long
const STOPPED = 20_000; // milliseconds
let busy = false;

/**
 * @returns {boolean} whether the form is on its way, and must stay as it is
 */
export function sending() {
  return busy;
}

/** @typedef {import("./writing.js").Writing} Writing */
/** @typedef {import("./testimony.js").Sealed} Sealed */

/**
 * @typedef {object} Answer of the server
 * @property {"stored" | "refused" | "unreachable" | "strange"} outcome
 * @property {string} [why] one word, where it refused
 * @property {string[]} [texts] what it says
 * @property {string} [testimony] the id of the testimony that the code has opened before
 */

/**
 * Sends the form, or says what keeps it from being sent.
 * @param {Writing} writing
 * @param {boolean} asAddition whether it is added to the testimony that this form has already made
 * @param {() => Promise<unknown>} refresh fetches a fresh page, which a form needs that was refused
 */
export async function send(writing, asAddition, refresh) {
  if (busy) {
    return;
  }
  const checked = check(data?.rules, collect(theForm(), data?.rules));
  if (checked.stopped) {
    location.hash = `p${data?.rules.sections.findIndex((/** @type {any} */ one) => one.id === checked.stopped) + 1}`;
    return;
  }
  if (checked.problems.length) {
    showProblems(theForm(), checked.problems);
    return;
  }
  const rest = work();
  let sealed = null;
  let answer = null;
  try {
    await new Promise((resolve) => setTimeout(resolve)); // so that the page says what happens before it is busy
    sealed = await sealOnce(writing, checked, asAddition);
    answer = await post(theForm(), sealed);
  } catch {
    rest();
    askWithoutLock(writing, asAddition, refresh);
    return;
  }
  if (answer.outcome === "stored") {
    if (!asAddition) {
      showCode(writing.code);
    }
    goToReceipt(theForm(), sealed, asAddition ? "" : writing.code);
    setTimeout(rest, STOPPED); // the browser may have been told to stop, and still shows this page
    return;
  }
  rest();
  await tell(writing, answer, asAddition, refresh);
}

/**
 * Shows that it is at work, and takes no more answers.
 * @returns {() => void} what ends that
 */
function work() {
  const form = theForm();
  const button = form.querySelector(".send button");
  const label = button?.textContent ?? "";
  busy = form.inert = true;
  clearSummary();
  button?.replaceChildren(words.working);
  say(words.sending);
  return () => {
    busy = form.inert = false;
    button?.replaceChildren(label);
    say("");
  };
}

/**
 * Seals, unless the same answers are sealed already: then they are sent again as they are, and stored once.
 * @param {Writing} writing
 * @param {import("./answers.js").Checked} checked
 * @param {boolean} asAddition
 * @returns {Promise<Sealed>}
 */
async function sealOnce(writing, checked, asAddition) {
  const page = /** @type {import("./testimony.js").Data} */ (data);
  const earlier = asAddition && writing.earlier;
  const { answers, consent } = checked;
  const { language, edition, recipients } = page;
  const code = earlier ? earlier.code : codeOf(writing);
  const from = canonical({ answers, consent, language, edition, recipients, code, parent: earlier ? earlier.id : "" });
  if (writing.sealed?.from !== from) {
    const posting = earlier ? await sealAddition(page, checked, earlier) : await sealTestimony(page, checked, code);
    writing.sealed = { from, posting };
  }
  return writing.sealed.posting;
}

/**
 * @param {HTMLFormElement} form
 * @param {Sealed} sealed
 * @returns {Promise<Answer>}
 */
async function post(form, sealed) {
  const body = new FormData();
  body.set("form_token", tokenOf(form));
  Object.entries(sealed.fields).forEach(([name, value]) => body.set(name, value));
  let response, text;
  try {
    response = await fetch(form.action, { method: "POST", body, redirect: "error", signal: patience(SECONDS) });
    text = await response.text();
  } catch {
    return { outcome: "unreachable" };
  }
  // Only our server knows what it has stored. A network that wants a login first answers with 200, too.
  if (response.ok && text.includes(sealed.digest)) {
    return { outcome: "stored" };
  }
  const alert = new DOMParser().parseFromString(text, "text/html").querySelector("[data-refused]");
  if (!(alert instanceof HTMLElement)) {
    return { outcome: response.status >= 500 ? "unreachable" : "strange" };
  }
  const texts = [...alert.querySelectorAll("p")].map((paragraph) => paragraph.textContent ?? "");
  return { outcome: "refused", why: alert.dataset.refused, texts, testimony: alert.dataset.testimony };
}

/**
 * Says why it is not stored, and what can be done.
 * @param {Writing} writing
 * @param {Answer} answer
 * @param {boolean} asAddition
 * @param {() => Promise<unknown>} refresh
 */
async function tell(writing, answer, asAddition, refresh) {
  const again = { label: words.again, act: () => send(writing, asAddition, refresh) };
  const asNew = { label: words.asNew, act: () => send(writing, false, refresh) };
  const add = { label: words.add, act: () => send(writing, true, refresh), second: true };
  if (answer.outcome === "unreachable") {
    const code = asAddition ? [] : [words.ifArrived, shown(writing.code)];
    showSummary([heading(words.unsure), words.unreachable, ...code], [again, draftChoice()]);
    return;
  }
  if (answer.outcome === "strange") {
    showSummary([heading(words.notSent), words.strange], [again, draftChoice()]);
    return;
  }
  let choices = [again, draftChoice()];
  if (answer.why === "sent") {
    writing.earlier = answer.testimony ? { code: writing.code, id: answer.testimony } : null;
    writing.code = "";
    choices = writing.earlier ? [asNew, add] : [asNew];
  } else if (answer.why === "withdrawn" || answer.why === "unknown") {
    writing.earlier = null;
    writing.code = answer.why === "withdrawn" ? "" : writing.code;
    choices = [asNew];
  }
  if (answer.why !== "ours") {
    await refresh().catch(() => undefined); // without it the next sending is refused again, and nothing is lost
  }
  showSummary([heading(words.notSent), ...(answer.texts ?? [])], choices);
}

/**
 * Says that the browser could not lock the answers. Only the person can have them sent without that.
 * @param {Writing} writing
 * @param {boolean} asAddition
 * @param {() => Promise<unknown>} refresh
 */
function askWithoutLock(writing, asAddition, refresh) {
  showSummary(
    [heading(words.notSent), words.notLocked, words.plainly],
    [
      { label: words.again, act: () => send(writing, asAddition, refresh) },
      draftChoice(),
      { label: words.withoutLock, act: () => sendPlainly(writing, asAddition), second: true },
    ],
  );
}

function draftChoice() {
  return { label: words.saveDraft, act: openSaving, second: true };
}

/** @param {string} textContent */
function heading(textContent) {
  return make("h2", { textContent });
}

/**
 * Sends the form in the plain way: as it would be sent without this script.
 * @param {Writing} writing
 * @param {boolean} asAddition
 */
function sendPlainly(writing, asAddition) {
  const form = theForm();
  const fields = { code: writing.code || writing.plainCode };
  const more = asAddition && writing.earlier ? { earlier: "1", earlier_code: writing.earlier.code } : {};
  for (const [name, value] of Object.entries({ ...fields, ...more })) {
    form.append(make("input", { type: "hidden", name, value }));
  }
  letGo();
  form.submit();
}

/**
 * Shows the code before the receipt does: where the receipt does not arrive, no other page can.
 * @param {string} code
 */
function showCode(code) {
  showSummary([heading(words.stored), words.yourCode, shown(code), words.whatFor], [], "good");
}

/** @param {string} code */
function shown(code) {
  return make("output", { className: "digest", dir: "ltr", textContent: groups(code) });
}

/**
 * Goes to the receipt, as a page of its own. Nothing of what was typed goes along.
 * @param {HTMLFormElement} form
 * @param {Sealed} sealed
 * @param {string} code
 */
function goToReceipt(form, sealed, code) {
  const fields = { form_token: tokenOf(form), access: sealed.access, stored: sealed.digest };
  const instead = (/** @type {FormDataEvent} */ { formData }) => {
    [...formData.keys()].forEach((name) => formData.delete(name));
    Object.entries(fields).forEach(([name, value]) => formData.set(name, value));
  };
  form.addEventListener("formdata", instead, { once: true });
  if (code) {
    carryCode(code, sealed.access);
  } else {
    drop();
  }
  letGo();
  form.submit();
}

/** @param {HTMLFormElement} form */
function tokenOf(form) {
  return /** @type {HTMLInputElement} */ (form.querySelector("[name=form_token]")).value;
}
