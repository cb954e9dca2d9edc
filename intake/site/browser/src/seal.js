// Seals and opens age files. Nothing here uses crypto.subtle: a browser hides it on an address without TLS.

import { MLKEM768X25519 } from "@noble/post-quantum/hybrid.js";
import { bech32 } from "@scure/base";
import { Decrypter, Encrypter } from "age-encryption";

import { base64, sha256, utf8 } from "./encoding.js";

const RECIPIENT = "age1pq1";
const WORK_FACTOR = 10;
const DRAFT = new RegExp(`^age-encryption\\.org/v1\n-> scrypt [^ \n]+ ${WORK_FACTOR}\n`);

/**
 * Throws where a recipient is none, or not a post-quantum one.
 * @param {Uint8Array} bytes
 * @param {string[]} recipients
 * @returns {Promise<Uint8Array>}
 */
export async function seal(bytes, recipients) {
  return encrypter(recipients).encrypt(bytes);
}

/**
 * Seals what comes in parts, without holding more of it than a few. Throws as `seal` does.
 * @param {ReadableStream<Uint8Array>} source
 * @param {string[]} recipients
 * @returns {Promise<ReadableStream<Uint8Array>>} parts of any size
 */
export async function sealStream(source, recipients) {
  return encrypter(recipients).encrypt(source);
}

/**
 * Throws where the bytes are not an age file, are damaged, or are sealed to someone else.
 * @param {Uint8Array} bytes
 * @param {Uint8Array} mailboxSeed
 * @returns {Promise<Uint8Array>}
 */
export async function open(bytes, mailboxSeed) {
  const decrypter = new Decrypter();
  decrypter.addIdentity(bech32.encode("age-secret-key-pq-", bech32.toWords(mailboxSeed), false).toUpperCase());
  return decrypter.decrypt(bytes);
}

/**
 * @param {Uint8Array} mailboxSeed
 * @returns {string} `age1pq1…`
 */
export function recipientOf(mailboxSeed) {
  return bech32.encode("age1pq", bech32.toWords(MLKEM768X25519.getPublicKey(mailboxSeed)), false);
}

/**
 * @param {string} recipient
 * @returns {string} what names it in an envelope
 */
export function fingerprint(recipient) {
  return sha256(utf8(recipient));
}

/**
 * Seals with a passphrase that nobody can guess: the `draft` key of a return code.
 * @param {Uint8Array} bytes
 * @param {Uint8Array} key
 * @returns {Promise<Uint8Array>}
 */
export async function lock(bytes, key) {
  const locked = new Encrypter();
  locked.setPassphrase(base64(key));
  locked.setScryptWorkFactor(WORK_FACTOR);
  return locked.encrypt(bytes);
}

/**
 * Throws where the bytes are not what `lock` makes, or the key is another.
 * @param {Uint8Array} bytes
 * @param {Uint8Array} key
 * @returns {Promise<Uint8Array>}
 */
export async function unlock(bytes, key) {
  // A file from elsewhere could ask for hours of work.
  if (!DRAFT.test(String.fromCharCode(...bytes.subarray(0, 100)))) {
    throw new Error("not a draft");
  }
  const decrypter = new Decrypter();
  decrypter.addPassphrase(base64(key));
  return decrypter.decrypt(bytes);
}

/** @param {string[]} recipients */
function encrypter(recipients) {
  if (!recipients.length || !recipients.every((recipient) => recipient.startsWith(RECIPIENT))) {
    throw new Error("not a recipient");
  }
  const made = new Encrypter();
  recipients.forEach((recipient) => made.addRecipient(recipient));
  return made;
}
