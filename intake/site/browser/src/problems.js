// Shows what is wrong with the answers: in a summary with links, and at each question. The server does the same.

import { counted, words } from "./page.js";
import { make, showSummary } from "./summary.js";

/** @typedef {import("./answers.js").Problem} Problem */

/**
 * @param {HTMLFormElement} form
 * @param {Problem[]} problems at least one
 */
export function showProblems(form, problems) {
  const list = make("ul", {});
  const places = problems.map((problem) => ({ problem, place: questionOf(form, problem.question) }));
  for (const { problem, place } of places) {
    const link = make("a", { href: `#${place.id}`, textContent: textOf(problem) });
    const item = make("li", { textContent: place.querySelector("legend,.label")?.textContent ?? "" });
    item.append(make("br", {}), link);
    list.append(item);
  }
  showSummary([make("h2", { textContent: words.problem }), counted("problems", problems.length), list]);
  document.title = `${words.error} ${document.title}`;
  places.forEach(({ problem, place }) => mark(place, textOf(problem)));
}

/** @param {Problem} problem */
function textOf({ rule, limit }) {
  return words[limit ? `${rule} ${limit}` : rule];
}

/**
 * @param {HTMLFormElement} form
 * @param {string} question
 * @returns {HTMLElement}
 */
function questionOf(form, question) {
  const field = form.querySelector(`[name="${question}"],[name="${question}.year"]`);
  return /** @type {HTMLElement} */ (field?.closest(".question"));
}

/**
 * @param {HTMLElement} place
 * @param {string} text
 */
function mark(place, text) {
  const id = `${place.id}e`;
  const above = place.querySelector(":scope > .hint") ?? place.querySelector(":scope > :is(legend,.label)");
  above?.after(make("p", { id, className: "problem", textContent: text }));
  place.classList.add("wrong");
  const described = place.localName === "fieldset" ? place : place.querySelector("input,textarea,select");
  described?.setAttribute("aria-describedby", `${described.getAttribute("aria-describedby") ?? ""} ${id}`.trim());
}
