// What is inside a sealed record: versioned JSON in a few fixed sizes. docs/format.md describes it.

import { ed25519 } from "@noble/curves/ed25519.js";

import { base64, canonical, hex, random, text, unbase64, utf8 } from "./encoding.js";
import { fingerprint } from "./seal.js";

const FORMAT = "intake/1";
const KIBIBYTE = 1024;
const SIZES = [32 * KIBIBYTE, 128 * KIBIBYTE];
const CHOICES_SIZES = [2 * KIBIBYTE];
const LEAST_FILE = 32 * KIBIBYTE;

/** @typedef {"testimony" | "addition" | "attachment" | "consent" | "withdrawal" | "choices" | "draft" | "unsent"} Kind */
/** @typedef {Record<string, unknown>} Fields as docs/format.md names them, without `format` and `kind` */

/**
 * What every envelope of a source has in common.
 * @param {{call: string, edition: string, language: string, recipients: string[]}} data
 * @returns {{id: string, call: string, edition: string, language: string, day: string, recipients: string[], client: "browser"}}
 */
export function common(data) {
  return {
    id: randomId(),
    call: data.call,
    edition: data.edition,
    language: data.language,
    day: new Date().toISOString().slice(0, 10),
    recipients: data.recipients.map(fingerprint),
    client: "browser",
  };
}

/**
 * @returns {string} an id for a record: 32 hexadecimal digits
 */
export function randomId() {
  return hex(random(16));
}

/**
 * @param {Kind} kind
 * @param {Fields} fields
 * @returns {Uint8Array} the padded bytes to seal
 */
export function build(kind, fields) {
  const json = utf8(canonical({ format: FORMAT, kind, ...fields }));
  const sizes = kind === "choices" ? CHOICES_SIZES : SIZES;
  const last = sizes[sizes.length - 1];
  const size = sizes.find((one) => json.length <= one) ?? Math.ceil(json.length / last) * last;
  const padded = new Uint8Array(size).fill(0x20);
  padded.set(json);
  return padded;
}

/**
 * @param {Kind} kind
 * @param {Fields} fields
 * @param {Uint8Array} authoritySeed
 * @returns {Fields} the fields and their signature
 */
export function sign(kind, fields, authoritySeed) {
  const signature = ed25519.sign(signingInput(kind, { format: FORMAT, kind, ...fields }), authoritySeed);
  return { ...fields, signature: base64(signature) };
}

/**
 * @param {Uint8Array} authoritySeed
 * @returns {string} the public key that the envelope and the server get: Ed25519, base64
 */
export function authorityOf(authoritySeed) {
  return base64(ed25519.getPublicKey(authoritySeed));
}

/**
 * Tells whether the key signed what `parseMessage` returned.
 * @param {Fields} message
 * @param {string} key Ed25519, base64
 * @returns {boolean}
 */
export function verify(message, key) {
  const { signature, ...fields } = message;
  try {
    const input = signingInput(String(fields.kind), fields);
    return ed25519.verify(unbase64(String(signature)), input, unbase64(key), { zip215: false });
  } catch {
    return false;
  }
}

/**
 * @typedef {object} Message a reply, or with `state` and `sha256` an acknowledgement
 * @property {"reply" | "acknowledgement"} kind
 * @property {string} id
 * @property {string} parent
 * @property {string} day
 * @property {string} text
 * @property {string} [state]
 * @property {string} [sha256]
 * @property {string} signature
 */

/**
 * Throws where the bytes are not a message of the desk. Whether the desk signed it is for `verify` to say.
 * @param {Uint8Array} bytes
 * @returns {Message & Fields}
 */
export function parseMessage(bytes) {
  const names = ["format", "kind", "id", "parent", "day", "text", "signature"];
  const fields = parse(bytes, { reply: names, acknowledgement: [...names, "state", "sha256"] });
  return areTexts(fields) ? fields : malformed();
}

/**
 * @typedef {object} Choices the copy of the consents that waits in the mailbox
 * @property {Record<string, string>} consent
 * @property {import("./answers.js").Answers} answers
 * @property {string} edition
 * @property {number} version
 */

/**
 * Throws where the bytes are not a copy of consents.
 * @param {Uint8Array} bytes
 * @returns {Choices}
 */
export function parseChoices(bytes) {
  const fields = parse(bytes, { choices: ["format", "kind", "consent", "answers", "edition", "version"] });
  const { consent, answers, edition, version } = fields;
  const fits = areTexts(consent) && isObject(answers) && typeof edition === "string" && Number.isSafeInteger(version);
  return fits ? { consent, answers, edition, version } : malformed();
}

/**
 * How many bytes a file of `size` bytes is sealed as: Padmé, with a floor.
 * @param {number} size
 * @returns {number}
 */
export function paddedSize(size) {
  if (size <= LEAST_FILE) {
    return LEAST_FILE;
  }
  const exponent = Math.floor(Math.log2(size));
  const unit = 2 ** (exponent - Math.floor(Math.log2(exponent)) - 1);
  return Math.ceil(size / unit) * unit;
}

/**
 * @param {Uint8Array} bytes
 * @param {Record<string, string[]>} shapes the names of the fields by kind
 * @returns {any}
 */
function parse(bytes, shapes) {
  const fields = JSON.parse(text(bytes));
  const [, names] = Object.entries(shapes).find(([kind]) => kind === fields?.kind) ?? malformed();
  const fits = fields.format === FORMAT && Object.keys(fields).sort().join() === [...names].sort().join();
  return fits ? fields : malformed();
}

/** @returns {never} */
function malformed() {
  throw new Error("it is not in the format");
}

/** @param {unknown} value */
function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** @param {any} value */
function areTexts(value) {
  return isObject(value) && Object.values(value).every((field) => typeof field === "string");
}

/**
 * @param {string} purpose
 * @param {Fields} fields
 */
function signingInput(purpose, fields) {
  return utf8(`${FORMAT} ${purpose}\0${canonical(fields)}`);
}
