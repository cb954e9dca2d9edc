// A draft that the person keeps: a file with the answers, locked with the return code that the testimony will have.

import { CodeError, countDigits, derive, groups, read } from "./code.js";
import { text } from "./encoding.js";
import { build } from "./envelope.js";
import { theForm } from "./exchange.js";
import { putBack, typed } from "./fields.js";
import { counted, data, words } from "./page.js";
import { lock, unlock } from "./seal.js";
import { say } from "./status.js";
import { codeOf } from "./writing.js";

const NAME = "draft.age"; // tells nobody who sees it what is in it
const LARGEST = 16 * 1024 * 1024;
const START = "age-encryption.org/v1\n-> scrypt ";
const WRONG_KEY = "no identity matched"; // how the library says so

/** @typedef {import("./writing.js").Writing} Writing */
/** @typedef {import("./page.js").Data & Record<string, any>} Data */

/**
 * Sets up the two blocks below the form.
 * @param {Writing} writing
 */
export function drafts(writing) {
  const saving = /** @type {HTMLDetailsElement} */ (document.getElementById("draft-save"));
  saving.addEventListener("toggle", () => saving.open && showCode(writing));
  saving.querySelector("button")?.addEventListener("click", () => save(writing));
  document.getElementById("draft-form")?.addEventListener("submit", (event) => {
    event.preventDefault();
    load(writing);
  });
}

/** Opens the block that saves a draft. */
export function openSaving() {
  const saving = /** @type {HTMLDetailsElement} */ (document.getElementById("draft-save"));
  saving.open = true;
  saving.querySelector("summary")?.focus();
}

/** @param {Writing} writing */
function showCode(writing) {
  try {
    const output = /** @type {HTMLElement} */ (document.getElementById("draft-code"));
    output.textContent = groups(codeOf(writing));
  } catch {
    say(words.draftNotMade);
  }
}

/** @param {Writing} writing */
async function save(writing) {
  const fields = typed(theForm());
  try {
    const { call, edition, language, instance } = /** @type {Data} */ (data);
    const draft = build("draft", { call, edition, language, fields });
    offer(await lock(draft, derive(codeOf(writing), instance).draft));
    writing.safe = JSON.stringify(fields);
    say(words.draftSaved);
  } catch {
    say(words.draftNotMade);
  }
}

/** @param {Uint8Array} bytes */
function offer(bytes) {
  const href = URL.createObjectURL(new Blob([bytes], { type: "application/octet-stream" }));
  const link = Object.assign(document.createElement("a"), { href, download: NAME });
  link.click();
  setTimeout(() => URL.revokeObjectURL(href), 60_000);
}

/** @param {Writing} writing */
async function load(writing) {
  const code = /** @type {HTMLInputElement} */ (document.getElementById("draft-digits"));
  const file = /** @type {HTMLInputElement} */ (document.getElementById("draft-file"));
  try {
    const fields = await opened(file.files?.[0], code.value);
    writing.code = read(code.value);
    writing.earlier = null;
    const lost = putBack(theForm(), fields);
    writing.safe = lost ? "" : JSON.stringify(typed(theForm()));
    code.value = file.value = "";
    code.closest("details")?.removeAttribute("open");
    goToLast(fields);
    say([words.draftLoaded, lost && counted("lost", lost)].filter(Boolean).join(" "));
  } catch (error) {
    say(problem(error, code.value));
    (error instanceof NotADraft ? file : code).focus();
  }
}

class NotADraft extends Error {}

/**
 * @param {File | undefined} file
 * @param {string} code as it was typed
 * @returns {Promise<import("./fields.js").Typed>}
 */
async function opened(file, code) {
  if (!file) {
    throw new NotADraft(words.draftMissing);
  }
  if (file.size > LARGEST || (await file.slice(0, START.length).text()) !== START) {
    throw new NotADraft(words.draftOther);
  }
  const { call, instance } = /** @type {Data} */ (data);
  const key = derive(read(code), instance).draft;
  const draft = JSON.parse(text(await unlock(new Uint8Array(await file.arrayBuffer()), key)));
  if (draft.kind !== "draft" || draft.call !== call) {
    throw new NotADraft(words.draftOther);
  }
  return draft.fields;
}

/**
 * @param {unknown} error
 * @param {string} code as it was typed
 */
function problem(error, code) {
  if (error instanceof NotADraft) {
    return error.message;
  }
  if (error instanceof CodeError) {
    return words[error.rule].replace("%(typed)s", String(countDigits(code)));
  }
  return error instanceof Error && error.message.includes(WRONG_KEY) ? words.draftLocked : words.draftDamaged;
}

/**
 * Shows the section that the person had got to.
 * @param {import("./fields.js").Typed} fields
 */
function goToLast(fields) {
  const names = new Set(fields.map(([name]) => name));
  const controls = [...theForm().elements].filter((one) => names.has(one.getAttribute("name") ?? ""));
  const section = controls.pop()?.closest("section.page");
  if (section) {
    location.hash = section.id;
  }
}
