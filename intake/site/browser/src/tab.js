// What travels in this tab from one page of ours to the next: the name of its window, in memory and nowhere else.

const PREFIX = "intake:";

/**
 * @typedef {object} Pouch
 * @property {string} [code] the return code, locked: see pouch.js
 * @property {boolean} [quick] whether Escape three times leaves
 */

/**
 * Adds to what is carried.
 * @param {Pouch} more
 */
export function carry(more) {
  window.name = PREFIX + JSON.stringify({ ...carried(), ...more });
}

/**
 * @returns {Pouch}
 */
export function carried() {
  if (!window.name.startsWith(PREFIX)) {
    return {};
  }
  try {
    const { code, quick } = JSON.parse(window.name.slice(PREFIX.length));
    return { ...(typeof code === "string" && { code }), ...(typeof quick === "boolean" && { quick }) };
  } catch {
    return {};
  }
}

/** Drops the code. How to leave is no secret, and stays. */
export function drop() {
  const { quick } = carried();
  window.name = quick === undefined ? "" : PREFIX + JSON.stringify({ quick });
}
