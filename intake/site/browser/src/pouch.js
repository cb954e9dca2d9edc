// The return code on its way from one page of ours to the next, in this tab.
//
// Whatever site is opened in the tab next can read the name of its window (measured in Chromium). So the code lies in it
// locked, with a key from the access token, which only pages of ours that were opened with it have.

import { expand } from "@noble/hashes/hkdf.js";
import { sha256 } from "@noble/hashes/sha2.js";

import { hex, random, unhex, utf8 } from "./encoding.js";
import { carried, carry } from "./tab.js";

const SALT_SIZE = 16;
const CARRIED = /^[0-9a-f]{80}$/; // the salt and 24 digits, in hexadecimal

/**
 * @param {string} code
 * @param {string} access its access token, in hexadecimal: what the next page is opened with
 */
export function carryCode(code, access) {
  const salt = random(SALT_SIZE);
  carry({ code: hex(salt) + hex(locked(utf8(code), access, salt)) });
}

/**
 * @param {string} access what this page was opened with
 * @returns {string} the code, if it is the one of this token; whoever uses it has to see that it is
 */
export function carriedCode(access) {
  const { code } = carried();
  if (!access || !code || !CARRIED.test(code)) {
    return "";
  }
  const bytes = unhex(code);
  return String.fromCharCode(...locked(bytes.slice(SALT_SIZE), access, bytes.slice(0, SALT_SIZE)));
}

/**
 * Locks, and unlocks what was locked: each salt gives a pad that is used once.
 * @param {Uint8Array} bytes
 * @param {string} access
 * @param {Uint8Array} salt
 */
function locked(bytes, access, salt) {
  const pad = expand(sha256, unhex(access), Uint8Array.from([...utf8("intake/1 tab"), ...salt]), bytes.length);
  return bytes.map((byte, place) => byte ^ pad[place]);
}
