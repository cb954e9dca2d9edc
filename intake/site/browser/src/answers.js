// Checks answers against a call: the same rules as the server and the desk have.

import { decimal } from "./digits.js";

const NO = "N";
const UNKNOWN = "UNK";
const REFUSED = "PNS";
const FIRST_YEAR = 1950;
const LAST_YEAR = 2050;
const MOST_CHOICES = 200;
const LONGEST_NUMBER = 40;
const DATE = /^(\d{0,9})(?:-(\d{0,9}))?(?:-(\d{0,9}))?$/;
// What Python's strip() takes for white space, which is not what trim() does.
const SPACE = "[\\t-\\r\\x1c-\\x20\\x85\\xa0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]";
const AROUND = new RegExp(`^${SPACE}+|${SPACE}+$`, "g");
const SPACES = new RegExp(SPACE, "g");

/** @typedef {string | number | string[]} Answer */
/** @typedef {Record<string, Answer>} Answers by question */
/** @typedef {Record<string, string[]>} Needed codes by question */
/** @typedef {{when?: Needed, unless?: Needed}} Condition */
/** @typedef {Condition & {code: string}} Option */
/** @typedef {"radio" | "checkboxes" | "date" | "text" | "textarea" | "country" | "number"} Kind */

/**
 * @typedef {object} QuestionFields
 * @property {string} id
 * @property {Kind} kind
 * @property {Option[]} [options]
 * @property {boolean} [required]
 * @property {string} [must]
 * @property {number} [limit]
 * @property {boolean} [passing] not stored
 * @property {boolean} [consent]
 */
/** @typedef {Condition & QuestionFields} Question */
/** @typedef {Condition & {id: string, stop?: boolean, questions: Question[]}} Section */

/**
 * @typedef {object} Rules a call as intake/site/rules.py writes it
 * @property {Section[]} sections
 * @property {string[]} one_of
 * @property {string[]} deciding the questions whose answers decide which consents are open
 * @property {string} countries codes of two letters, one after the other
 */

/** @typedef {{question: string, rule: string, limit: number}} Problem */

/**
 * @typedef {object} Checked
 * @property {Answers} answers
 * @property {Record<string, string>} consent
 * @property {Problem[]} problems
 * @property {string} stopped the id of the section that stops the person, or nothing
 */

/** @typedef {{answer: Answer | null, rule?: string, limit?: number}} Result */

/**
 * What a form gives for each question, unchecked; what is empty is left out.
 * @param {HTMLFormElement} form
 * @param {Rules} rules
 * @returns {Answers}
 */
export function collect(form, rules) {
  return given(new FormData(form), rules);
}

/**
 * As `collect`, for fields that are at hand.
 * @param {{getAll(name: string): unknown[]}} fields
 * @param {Rules} rules
 * @returns {Answers}
 */
export function given(fields, rules) {
  /** @type {Answers} */
  const found = {};
  const all = (/** @type {string} */ name) => fields.getAll(name).map(String);
  for (const question of questions(rules)) {
    const values = all(question.id).filter((value) => strip(value));
    if (question.kind === "checkboxes") {
      if (values.length) {
        found[question.id] = values;
      }
    } else if (question.kind === "date") {
      const parts = ["year", "month", "day"].map((part) => asciiDigits(all(`${question.id}.${part}`).join("")));
      const joined = values.length ? asciiDigits(values[0]) : parts.join("-").replace(/-+$/, "");
      if (joined) {
        found[question.id] = joined.split("-").map(twoDigits).join("-");
      }
    } else if (values.length) {
      found[question.id] = fromField(question, values[0]);
    }
  }
  return found;
}

/**
 * What of the given answers may be kept, and every problem, in the order of the call.
 * @param {Rules} rules
 * @param {Answers} given
 * @returns {Checked}
 */
export function check(rules, given) {
  /** @type {Checked} */
  const checked = { answers: {}, consent: {}, problems: [], stopped: "" };
  /** @type {Answers} */
  const seen = {};
  for (const section of rules.sections) {
    if (!holds(section, seen)) {
      continue;
    }
    if (section.stop) {
      checked.stopped = section.id;
    }
    for (const question of section.questions) {
      if (holds(question, seen)) {
        checkQuestion(question, given[question.id] ?? null, seen, checked, rules);
      }
    }
  }
  if (rules.one_of.length && !rules.one_of.some((name) => saysSomething(checked.answers[name]))) {
    checked.problems.push({ question: rules.one_of[0], rule: "ONE_OF", limit: 0 });
  }
  return checked;
}

/**
 * The answers that the copy of the consents needs.
 * @param {Rules} rules
 * @param {Answers} answers
 * @returns {Answers}
 */
export function deciding(rules, answers) {
  return Object.fromEntries(Object.entries(answers).filter(([name]) => rules.deciding.includes(name)));
}

/**
 * Tells whether the answers so far open something.
 * @param {Condition} condition
 * @param {Answers} answers
 * @returns {boolean}
 */
export function holds(condition, answers) {
  const chosen = (/** @type {[string, string[]]} */ [question, codes]) =>
    [answers[question] ?? []].flat().some((code) => codes.includes(/** @type {string} */ (code)));
  return Object.entries(condition.when ?? {}).every(chosen) && !Object.entries(condition.unless ?? {}).some(chosen);
}

/**
 * @param {Rules} rules
 * @returns {Question[]} in order
 */
export function questions(rules) {
  return rules.sections.flatMap((section) => section.questions);
}

/**
 * @param {Question} question
 * @param {Answer | null} answer
 * @param {Answers} seen
 * @param {Checked} checked
 * @param {Rules} rules
 */
function checkQuestion(question, answer, seen, checked, rules) {
  /** @type {Result} */
  let result = { answer };
  if (answer === null) {
    if (question.required) {
      result.rule = question.must ? "MUST" : "REQUIRED";
    } else if (question.consent) {
      result.answer = NO;
    }
  } else {
    result = CHECKS[question.kind](question, answer, seen, rules);
    if (question.must && result.answer !== question.must) {
      result = { answer: result.answer, rule: "MUST" };
    }
  }
  if (result.rule) {
    checked.problems.push({ question: question.id, rule: result.rule, limit: result.limit ?? 0 });
  }
  if (result.answer === null) {
    return;
  }
  seen[question.id] = result.answer;
  if (question.consent) {
    checked.consent[question.id] = String(result.answer);
  } else if (!question.passing) {
    checked.answers[question.id] = result.answer;
  }
}

/** @type {Record<Kind, (question: Question, answer: Answer, seen: Answers, rules: Rules) => Result>} */
const CHECKS = {
  radio: checkRadio,
  checkboxes: checkCheckboxes,
  country: (_question, answer, _seen, rules) =>
    rules.countries.match(/../g)?.some((code) => code === answer) ? { answer } : refused("CHOICE"),
  text: checkText,
  textarea: checkText,
  number: checkNumber,
  date: checkDate,
};

/**
 * @param {Question} question
 * @param {Answer} answer
 * @param {Answers} seen
 * @returns {Result}
 */
function checkRadio(question, answer, seen) {
  const option = question.options?.find((one) => one.code === answer);
  if (!option) {
    return refused("CHOICE");
  }
  if (!holds(option, seen)) {
    return { answer: question.consent ? NO : null };
  }
  return { answer };
}

/**
 * @param {Question} question
 * @param {Answer} answer
 * @param {Answers} seen
 * @returns {Result}
 */
function checkCheckboxes(question, answer, seen) {
  const options = question.options ?? [];
  const known = (/** @type {string} */ code) => options.some((option) => option.code === code);
  if (!Array.isArray(answer) || answer.length > MOST_CHOICES || !answer.every(known)) {
    return refused("CHOICE");
  }
  const chosen = options.filter((option) => answer.includes(option.code) && holds(option, seen));
  return { answer: chosen.length ? chosen.map((option) => option.code) : null };
}

/**
 * @param {Question} question
 * @param {Answer} answer
 * @returns {Result}
 */
function checkText(question, answer) {
  if (typeof answer !== "string" || !strip(answer)) {
    return refused("CHOICE");
  }
  const limit = question.limit ?? 0;
  return length(answer) > limit ? { answer, rule: "TOO_LONG", limit } : { answer };
}

/**
 * @param {Question} question
 * @param {Answer} answer
 * @returns {Result}
 */
function checkNumber(question, answer) {
  const limit = question.limit ?? 0;
  return typeof answer === "number" && answer >= 0 && answer <= limit ? { answer } : { ...refused("NUMBER"), limit };
}

/**
 * @param {Question} _question
 * @param {Answer} answer
 * @returns {Result}
 */
function checkDate(_question, answer) {
  const match = typeof answer === "string" ? DATE.exec(answer) : null;
  if (!match) {
    return refused("DATE");
  }
  const [, year, month, day] = match;
  if (!year) {
    return refused("YEAR_MISSING");
  }
  if (year.length !== 4 || Number(year) < FIRST_YEAR || Number(year) > LAST_YEAR) {
    return refused("YEAR");
  }
  if (day && !month) {
    return refused("MONTH_MISSING");
  }
  const date = new Date(Date.UTC(Number(year), Number(month || 1) - 1, Number(day || 1)));
  if (date.getUTCMonth() !== Number(month || 1) - 1 || date.getUTCDate() !== Number(day || 1)) {
    return refused("DATE");
  }
  return { answer: date.toISOString().slice(0, day ? 10 : month ? 7 : 4) };
}

/**
 * @param {string} rule
 * @returns {Result}
 */
function refused(rule) {
  return { answer: null, rule };
}

/**
 * @param {Question} question
 * @param {string} value
 * @returns {Answer}
 */
function fromField(question, value) {
  if (question.kind === "textarea") {
    return value.replace(/\r\n?/g, "\n");
  }
  if (question.kind === "number") {
    const digits = asciiDigits(value).replace(SPACES, "");
    return /^\d{1,12}$/.test(digits) ? Number(digits) : value;
  }
  return strip(value);
}

/** @param {string} value */
function asciiDigits(value) {
  const characters = Array.from(value).slice(0, LONGEST_NUMBER);
  return strip(characters.map((character) => decimal(character) ?? character).join(""));
}

/** @param {string} part */
function twoDigits(part) {
  return /^\d$/.test(part) ? `0${part}` : part;
}

/** @param {Answer | undefined} answer */
function saysSomething(answer) {
  return [answer ?? []].flat().some((code) => code !== UNKNOWN && code !== REFUSED);
}

/** @param {string} value */
function strip(value) {
  return value.replace(AROUND, "");
}

/**
 * Characters as a person and the server count them, not UTF-16 units.
 * @param {string} value
 */
function length(value) {
  return Array.from(value).length;
}
