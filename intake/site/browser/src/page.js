// What the server tells this page, in its data block.

/**
 * @typedef {object} Data what every page with a data block knows; each adds what it needs
 * @property {"form" | "receipt" | "return" | "mailbox" | "withdraw"} page
 * @property {string} language
 * @property {string} instance the instance id, in hexadecimal
 * @property {string[]} recipients
 * @property {Record<string, string>} words
 */

/** @type {(Data & Record<string, any>) | null} */
export let data = null;

/** @type {Record<string, string>} */
export let words = {};

/** Reads the data block: once, and again whenever the page has taken another's place. */
export function readPage() {
  const block = document.getElementById("data");
  data = block && JSON.parse(block.textContent ?? "");
  words = data ? data.words : {};
}

readPage();

/**
 * A sentence about a number, in the form that the language of the page has for it.
 * @param {string} key the words have one `key.category` for each plural category (CLDR) of the language
 * @param {number} number
 * @returns {string}
 */
export function counted(key, number) {
  const language = document.documentElement.lang;
  const category = new Intl.PluralRules(language).select(number);
  return words[`${key}.${category}`].replace("%(num)d", String(number));
}

/**
 * Tells whether this browser has what the browser way needs. Without it the page stays as it is.
 * @returns {boolean}
 */
export function able() {
  return (
    typeof BigInt === "function" &&
    typeof TransformStream === "function" &&
    typeof FormDataEvent === "function" &&
    typeof globalThis.crypto?.getRandomValues === "function"
  );
}
