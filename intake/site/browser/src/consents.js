// What someone agreed to: which of it they may change here, and what it is after a change.

import { check, holds, questions } from "./answers.js";

/** @typedef {import("./answers.js").Rules} Rules */
/** @typedef {import("./answers.js").Condition} Condition */
/** @typedef {import("./envelope.js").Choices} Choices */

/**
 * The consents that no other answer of theirs closes. What must be a yes is no choice: to take it back is to withdraw.
 * @param {Rules} rules
 * @param {Choices} choices
 * @returns {import("./answers.js").Question[]}
 */
export function openConsents(rules, choices) {
  const consents = new Set(questions(rules).flatMap((question) => (question.consent ? [question.id] : [])));
  const fixed = (/** @type {Record<string, string[]> | undefined} */ part) =>
    Object.fromEntries(Object.entries(part ?? {}).filter(([name]) => !consents.has(name)));
  const possible = (/** @type {Condition} */ { when, unless }) =>
    holds({ when: fixed(when), unless: fixed(unless) }, choices.answers);
  return rules.sections
    .filter(possible)
    .flatMap((section) => section.questions)
    .filter((question) => question.consent && !question.must && possible(question));
}

/**
 * The consents as they are to be stored: what was chosen now, and the rest as it was.
 * @param {Rules} rules
 * @param {Choices} choices
 * @param {{get(name: string): unknown}} chosen
 * @returns {Record<string, string>}
 */
export function newConsents(rules, choices, chosen) {
  const { notice_sha256: _, ...before } = choices.consent;
  /** @type {Record<string, string>} */
  const now = {};
  for (const { id, options } of openConsents(rules, choices)) {
    const code = chosen.get(id);
    if (typeof code === "string" && options?.some((option) => option.code === code)) {
      now[id] = code;
    }
  }
  return check(rules, { ...choices.answers, ...before, ...now }).consent;
}
