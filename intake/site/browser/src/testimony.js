// From checked answers to what is posted: sealed, and nothing else that tells what was answered.

import { deciding } from "./answers.js";
import { derive } from "./code.js";
import { hex, sha256 } from "./encoding.js";
import { authorityOf, build, common, sign } from "./envelope.js";
import { recipientOf, seal } from "./seal.js";

/** @typedef {import("./page.js").Data & Record<string, any>} Data */
/** @typedef {import("./answers.js").Checked} Checked */
/** @typedef {{id: string, access: string, digest: string, fields: Record<string, string | Blob>}} Sealed */

/**
 * Seals a testimony. Throws where the browser cannot.
 * @param {Data} data
 * @param {Checked} checked
 * @param {string} code the return code, which stays here
 * @returns {Promise<Sealed>}
 */
export async function sealTestimony(data, { answers, consent }, code) {
  const keys = derive(code, data.instance);
  const envelope = {
    ...common(page(data)),
    answers,
    consent: { ...consent, notice_sha256: data.notice },
    mailbox: recipientOf(keys.mailbox),
    authority: authorityOf(keys.authority),
  };
  const choices = build("choices", {
    consent: envelope.consent,
    answers: deciding(data.rules, answers),
    edition: data.edition,
    version: 0,
  });
  const copy = await seal(choices, [envelope.mailbox]);
  const sealed = await seal(build("testimony", envelope), data.recipients);
  return posting(keys, envelope.id, sealed, {
    mailbox: envelope.mailbox,
    authority: envelope.authority,
    choices: new Blob([copy]),
  });
}

/**
 * Seals the whole form as an addition to an earlier testimony. Throws where the browser cannot.
 * @param {Data} data
 * @param {Checked} checked
 * @param {{code: string, id: string}} earlier the testimony that it is added to
 * @returns {Promise<Sealed>}
 */
export async function sealAddition(data, { answers, consent }, earlier) {
  const keys = derive(earlier.code, data.instance);
  const envelope = {
    ...common(page(data)),
    parent: earlier.id,
    answers,
    consent: { ...consent, notice_sha256: data.notice },
  };
  const sealed = await seal(build("addition", sign("addition", envelope, keys.authority)), data.recipients);
  return posting(keys, envelope.id, sealed, { earlier: "1" });
}

/**
 * @param {Data} data
 * @returns {{call: string, edition: string, language: string, recipients: string[]}}
 */
function page({ call, edition, language, recipients }) {
  return { call, edition, language, recipients };
}

/**
 * @param {import("./code.js").Keys} keys
 * @param {string} id
 * @param {Uint8Array} sealed
 * @param {Record<string, string | Blob>} more
 * @returns {Sealed}
 */
function posting(keys, id, sealed, more) {
  const access = hex(keys.access);
  return { id, access, digest: sha256(sealed), fields: { access, id, ...more, sealed: new Blob([sealed]) } };
}
