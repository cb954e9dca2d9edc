// What this page knows of the person's own testimony, in memory only.

import { make } from "./code.js";

/**
 * @typedef {object} Writing
 * @property {string} code the return code of this testimony; empty until one is needed
 * @property {string} plainCode the code that the server made, for the plain way only
 * @property {{code: string, id: string} | null} earlier the testimony that this form has already made
 * @property {string} safe what was typed when it was last saved, as JSON
 * @property {{from: string, posting: import("./testimony.js").Sealed} | null} sealed what was sealed last, and from what
 */

/**
 * @returns {Writing}
 */
export function nothingYet() {
  return { code: "", plainCode: "", earlier: null, safe: "", sealed: null };
}

/**
 * The return code, made now if there is none. Throws where the browser cannot make one.
 * @param {Writing} writing
 * @returns {string}
 */
export function codeOf(writing) {
  writing.code ||= make();
  return writing.code;
}
