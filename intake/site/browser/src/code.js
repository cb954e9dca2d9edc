// The return code: making it, reading it in any digits, deriving keys from it.

import { expand, extract } from "@noble/hashes/hkdf.js";
import { scrypt } from "@noble/hashes/scrypt.js";
import { sha256 } from "@noble/hashes/sha2.js";

import { decimal } from "./digits.js";
import { random, unhex, utf8 } from "./encoding.js";

const LENGTH = 24;
const BETWEEN_DIGITS = /[\p{Z}\p{P}\p{C}]/u;
const DAMM = [
  "0317598642",
  "7092154863",
  "4206871359",
  "1750983426",
  "6123045978",
  "3674209581",
  "5869720134",
  "8945362017",
  "9438617205",
  "2581436790",
];

/** The text is not a return code. The message never repeats the text. */
export class CodeError extends Error {
  /** @param {"DIGITS" | "LENGTH" | "CHECK"} rule */
  constructor(rule) {
    super("not a return code");
    this.rule = rule;
  }
}

/**
 * @typedef {object} Keys each of 32 bytes
 * @property {Uint8Array} access the access token
 * @property {Uint8Array} mailbox seed of the identity that replies are sealed to
 * @property {Uint8Array} authority Ed25519 seed, for what is added, changed or withdrawn later
 * @property {Uint8Array} draft passphrase of a saved draft
 * @property {Uint8Array} retry key that tells a second sending of the same answers
 */

/**
 * @returns {string} a fresh code: 24 ASCII digits
 */
export function make() {
  let digits = "";
  while (digits.length < LENGTH - 1) {
    // Of 256 values, 250 are ten times each digit.
    for (const byte of random(LENGTH)) {
      if (byte < 250 && digits.length < LENGTH - 1) {
        digits += byte % 10;
      }
    }
  }
  return digits + damm(digits);
}

/**
 * Throws CodeError where a letter or symbol stands among the digits, the length is wrong or the check digit does not fit.
 * @param {string} typed
 * @returns {string} 24 ASCII digits
 */
export function read(typed) {
  let digits = "";
  for (const character of typed) {
    const value = decimal(character);
    if (value !== null) {
      digits += value;
    } else if (!BETWEEN_DIGITS.test(character)) {
      throw new CodeError("DIGITS");
    }
  }
  if (digits.length !== LENGTH) {
    throw new CodeError("LENGTH");
  }
  if (damm(digits) !== "0") {
    throw new CodeError("CHECK");
  }
  return digits;
}

/**
 * @param {string} typed
 * @returns {number} how many digits, of any script, a person typed
 */
export function countDigits(typed) {
  return Array.from(typed).filter((character) => decimal(character) !== null).length;
}

/**
 * @param {string} code
 * @returns {string} six groups of four digits, as it is shown
 */
export function groups(code) {
  return (code.match(/\d{4}/g) ?? []).join(" ");
}

/**
 * @param {string} code 24 ASCII digits
 * @param {string} instance the instance id, in hexadecimal
 * @returns {Keys}
 */
export function derive(code, instance) {
  const master = scrypt(utf8(code), unhex(instance), { N: 2 ** 10, r: 8, p: 1, dkLen: 32 });
  const pseudorandomKey = extract(sha256, master);
  const key = (/** @type {string} */ purpose) => expand(sha256, pseudorandomKey, utf8(`intake/1 ${purpose}`), 32);
  return {
    access: key("access"),
    mailbox: key("mailbox"),
    authority: key("authority"),
    draft: key("draft"),
    retry: key("retry"),
  };
}

/** @param {string} digits */
function damm(digits) {
  let interim = "0";
  for (const digit of digits) {
    interim = DAMM[Number(interim)][Number(digit)];
  }
  return interim;
}
