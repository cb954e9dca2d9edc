// The page of a testimony, for the person who gave it: what waits is opened here, and what they do is sealed here.

import { sealAs, send, token } from "./author.js";
import { newConsents } from "./consents.js";
import { base64, canonical, hex, sha256, text, unbase64, utf8 } from "./encoding.js";
import { build, parseChoices } from "./envelope.js";
import { takeFiles } from "./evidence.js";
import { tellFailure } from "./failing.js";
import { showConsents, showMessages } from "./mailbox_view.js";
import { openMessages } from "./messages.js";
import { data, words } from "./page.js";
import { addressOf, go } from "./posting.js";
import { open, recipientOf, seal } from "./seal.js";
import { takeOver } from "./submitting.js";
import { make, showSummary } from "./summary.js";
import { warnUnless } from "./unsaved.js";
import { visitor } from "./visitor.js";
import { browserWay } from "./way.js";

const LONGEST_TEXT = 20_000;

/** @typedef {NonNullable<ReturnType<typeof visitor>>} Visitor */
/** @typedef {import("./envelope.js").Choices} Choices */

/** Opens what waits and takes the forms over. Without the code the page stays as it is, and says what to do. */
export async function mailboxPage() {
  const person = visitor();
  if (!person || !data) {
    return;
  }
  const { mailbox } = person.keys;
  const choices = await openChoices(mailbox);
  const { edition } = data;
  // Only the browser can see with which edition the testimony was asked. Where the server has it, it sends its words.
  if (choices && choices.edition !== edition && field("edition").value !== choices.edition) {
    field("edition").value = choices.edition;
    go(addressOf("return"), about(person));
    return;
  }
  showMessages(await openMessages(data.messages, mailbox, data.desk, data.testimony.id));
  showConsents(choices);
  await takeWords(person);
  if (choices) {
    takeConsents(person, choices);
  }
  const files = /** @type {HTMLFormElement | null} */ (document.getElementById("evidence"));
  if (files) {
    takeFiles(files, person.keys, person.code);
  }
  browserWay();
}

/**
 * @param {Uint8Array} mailboxSeed
 * @returns {Promise<Choices | null>} null for a mailbox of the first version, whose copy says less
 */
async function openChoices(mailboxSeed) {
  try {
    return parseChoices(await open(unbase64(data?.choices), mailboxSeed));
  } catch {
    return null;
  }
}

/** @param {Visitor} person */
async function takeWords(person) {
  const written = /** @type {HTMLTextAreaElement} */ (document.getElementById("text"));
  const form = /** @type {HTMLFormElement} */ (written.form);
  written.value = await openUnsent(person.keys.mailbox);
  warnUnless(() => !written.value.trim());
  takeOver(form, async () => {
    const said = text(utf8(written.value)).replace(/\r\n?/g, "\n"); // half a character has no place in UTF-8
    const problem = said.trim() ? Array.from(said).length > LONGEST_TEXT && words.too_long : words.empty;
    if (problem) {
      const link = make("p", {});
      link.append(make("a", { href: "#text", textContent: problem }));
      showSummary([make("h2", { textContent: words.problem }), link]);
      return;
    }
    const seals = () => sealAs("addition", { answers: {}, consent: {}, text: said }, person.keys);
    await sendAndShow(person, "reply", said, seals, () => ({ text: said }));
  });
  // Whatever else changes the page takes the words along, sealed for this person alone.
  const others = /** @type {HTMLFormElement} */ (document.getElementById("others"));
  others.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = /** @type {HTMLButtonElement} */ (event.submitter);
    const chosen = button.name ? { [button.name]: button.value } : {};
    go(button.formAction, { ...about(person), ...chosen, ...(await sealUnsent(written.value, person.keys.mailbox)) });
  });
}

/**
 * @param {Visitor} person
 * @param {Choices} choices
 */
function takeConsents(person, choices) {
  const form = /** @type {HTMLFormElement} */ (document.getElementById("choices"));
  takeOver(form, async () => {
    const about = /** @type {any} */ (data);
    const chosen = new FormData(form);
    const consent = { ...newConsents(about.rules, choices, chosen), notice_sha256: about.notice };
    const version = choices.version + 1;
    const seals = async () => ({
      ...(await sealAs("consent", { consent, version }, person.keys)),
      choices: await seal(build("choices", { ...choices, consent, version }), [recipientOf(person.keys.mailbox)]),
      before: sha256(unbase64(about.choices)),
    });
    const plain = () => /** @type {Record<string, string>} */ (Object.fromEntries(chosen));
    await sendAndShow(person, "consent", canonical(consent), seals, plain);
  });
}

/**
 * @param {Visitor} person
 * @param {string} place
 * @param {string} content
 * @param {Parameters<typeof send>[2]} seals
 * @param {() => Record<string, string>} plain the fields that would say the same without the lock
 */
async function sendAndShow(person, place, content, seals, plain) {
  try {
    const stored = await send(place, content, seals, person.keys);
    go(addressOf("return"), { ...about(person), stored });
  } catch (error) {
    tellFailure(error, place, () => ({ form_token: token(), code: person.code, ...plain() }));
  }
}

/**
 * @param {Visitor} person
 * @returns {Record<string, string>} what every page of theirs is asked for with
 */
function about(person) {
  return { form_token: token(), access: hex(person.keys.access), edition: field("edition").value };
}

/**
 * @param {string} written
 * @param {Uint8Array} mailboxSeed
 * @returns {Promise<{unsent?: string}>}
 */
async function sealUnsent(written, mailboxSeed) {
  if (!written) {
    return {};
  }
  return { unsent: base64(await seal(build("unsent", { text: written }), [recipientOf(mailboxSeed)])) };
}

/** @param {Uint8Array} mailboxSeed */
async function openUnsent(mailboxSeed) {
  return data?.unsent ? JSON.parse(text(await open(unbase64(data.unsent), mailboxSeed))).text : "";
}

/**
 * @param {string} name
 * @returns {HTMLInputElement}
 */
function field(name) {
  return /** @type {HTMLInputElement} */ (document.querySelector(`#others [name=${name}]`));
}
