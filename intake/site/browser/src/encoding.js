// How text, bytes and JSON are written: the same text for the same value as on the server and the desk.

import { sha256 as digest } from "@noble/hashes/sha2.js";
import { bytesToHex, hexToBytes } from "@noble/hashes/utils.js";

/**
 * @param {string} text
 * @returns {Uint8Array}
 */
export function utf8(text) {
  return new TextEncoder().encode(text);
}

/**
 * Throws a TypeError where the bytes are not UTF-8.
 * @param {Uint8Array} bytes
 * @returns {string}
 */
export function text(bytes) {
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
}

/**
 * @param {Uint8Array} bytes
 * @returns {string}
 */
export function hex(bytes) {
  return bytesToHex(bytes);
}

/**
 * Throws where the text is not hexadecimal.
 * @param {string} digits
 * @returns {Uint8Array}
 */
export function unhex(digits) {
  return hexToBytes(digits);
}

/**
 * @param {Uint8Array} bytes
 * @returns {string} standard base64 with padding
 */
export function base64(bytes) {
  let binary = "";
  for (const byte of bytes) {
    binary += String.fromCharCode(byte);
  }
  return btoa(binary);
}

/**
 * Throws where the text is not base64.
 * @param {string} encoded
 * @returns {Uint8Array}
 */
export function unbase64(encoded) {
  return Uint8Array.from(atob(encoded), (character) => character.charCodeAt(0));
}

/**
 * The one JSON text that is signed and sealed: keys sorted, no white space. Names of fields are ASCII.
 * @param {unknown} value
 * @returns {string}
 */
export function canonical(value) {
  if (Array.isArray(value)) {
    return `[${value.map(canonical).join(",")}]`;
  }
  if (typeof value === "object" && value !== null) {
    const fields = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
    return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${canonical(field)}`).join(",")}}`;
  }
  return JSON.stringify(value);
}

/**
 * @param {Uint8Array} bytes
 * @returns {string} hexadecimal
 */
export function sha256(bytes) {
  return hex(digest(bytes));
}

/**
 * For what comes in parts: `update(bytes)` as often as needed, then `digest()` once.
 * @returns {{update(bytes: Uint8Array): unknown, digest(): Uint8Array}}
 */
export function hasher() {
  return digest.create();
}

/**
 * @param {number} length
 * @returns {Uint8Array}
 */
export function random(length) {
  return crypto.getRandomValues(new Uint8Array(length));
}
