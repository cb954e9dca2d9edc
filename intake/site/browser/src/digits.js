// The decimal digits of every script.

const DIGIT = /\p{Nd}/u;

/**
 * What a character is worth as a decimal digit. Unicode lists the digits of a script in one run from 0 to 9.
 * @param {string} character
 * @returns {number | null} null where it is no digit
 */
export function decimal(character) {
  if (!DIGIT.test(character)) {
    return null;
  }
  const point = /** @type {number} */ (character.codePointAt(0));
  let before = 0;
  while (DIGIT.test(String.fromCodePoint(point - before - 1))) {
    before += 1;
  }
  return before % 10;
}
