// What someone who came back does now: signed in their name, sealed, and sent.

import { hex, sha256 } from "./encoding.js";
import { build, common, sign } from "./envelope.js";
import { data } from "./page.js";
import { patience } from "./patience.js";
import { Refused, addressOf, post } from "./posting.js";
import { seal } from "./seal.js";

const SECONDS = 60; // over Tor a page can take long

/** @typedef {import("./code.js").Keys} Keys */
/** @typedef {"addition" | "attachment" | "consent" | "withdrawal"} Kind */
/** @typedef {{id: string, sealed: Uint8Array}} Sealed */

/** The browser could not lock it. Nothing was sent. */
export class SealingError extends Error {}

/** What was sealed last for each address: the same content is sent again as the same bytes, and stored once. */
const sealedLast = new Map();

/**
 * @param {Kind} kind
 * @param {Record<string, unknown>} content
 * @param {Keys} keys
 * @returns {Promise<Sealed>} throws SealingError
 */
export async function sealAs(kind, content, keys) {
  try {
    const about = /** @type {any} */ (data);
    const fields = { ...common(about), parent: about.testimony.id, ...content };
    return { id: fields.id, sealed: await seal(build(kind, sign(kind, fields, keys.authority)), about.recipients) };
  } catch {
    throw new SealingError("it could not be sealed");
  }
}

/**
 * Sends something that the person did. Throws SealingError, Refused, and what `post` throws.
 * @param {string} place where it goes
 * @param {string} content what tells it from other content
 * @param {() => Promise<Sealed & Record<string, string | Uint8Array>>} make seals it, with what else goes along
 * @param {Keys} keys
 * @returns {Promise<string>} the digest of what is stored, in hexadecimal
 */
export async function send(place, content, make, keys) {
  for (let renewed = false; ; renewed = true) {
    const last = sealedLast.get(place);
    const sending = last?.content === content ? last.sending : await make();
    sealedLast.set(place, { content, sending });
    try {
      await post(place, { form_token: token(), access: hex(keys.access), ...sending });
      return sha256(sending.sealed);
    } catch (error) {
      // The page is too old, or its form was used: the next try is another form's.
      if (!(error instanceof Refused) || !["stale", "sent"].includes(error.why)) {
        throw error;
      }
      sealedLast.delete(place);
      await renew();
      if (renewed || error.why === "sent") {
        throw error;
      }
    }
  }
}

/** Gets a new token, and the recipients of today, for all forms of this page. Throws what `fetch` throws. */
export async function renew() {
  const answer = await fetch(addressOf("return"), { cache: "no-store", signal: patience(SECONDS) });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = /** @type {HTMLInputElement | null} */ (page.querySelector("[name=form_token]"));
  const block = page.getElementById("data")?.textContent;
  if (!fresh || !block || !data) {
    throw new TypeError("no page came");
  }
  data.recipients = JSON.parse(block).recipients;
  tokens().forEach((field) => (field.value = fresh.value));
}

/** @returns {string} the token of this page's forms */
export function token() {
  return tokens()[0]?.value ?? "";
}

/** @returns {HTMLInputElement[]} */
function tokens() {
  return [...document.querySelectorAll("input")].filter((field) => field.name === "form_token");
}
