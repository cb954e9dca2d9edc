// The block above the form that says what happened and what to do, as the server's own pages have it.

/** @typedef {{label: string, act: () => void, second?: boolean}} Choice a button */

/** Takes away the block, and what it said at the questions. */
export function clearSummary() {
  document.querySelectorAll("main > .summary, .question > .problem").forEach((element) => element.remove());
  document.querySelectorAll(".question.wrong").forEach((element) => element.classList.remove("wrong"));
  for (const element of document.querySelectorAll("[aria-describedby]")) {
    const left = (element.getAttribute("aria-describedby") ?? "").split(" ").filter((id) => document.getElementById(id));
    element.setAttribute("aria-describedby", left.join(" "));
  }
}

/**
 * Shows the block with what it holds, in place of an earlier one, and moves the focus to it.
 * @param {(string | Node)[]} content sentences and elements
 * @param {Choice[]} [choices]
 * @param {string} [kind] the look of the block
 */
export function showSummary(content, choices = [], kind = "error") {
  clearSummary();
  const block = make("div", { className: `summary ${kind} told`, tabIndex: -1 });
  block.setAttribute("role", "alert");
  block.append(...content.map((part) => (typeof part === "string" ? make("p", { textContent: part }) : part)));
  if (choices.length) {
    const row = make("p", {});
    row.append(
      ...choices.flatMap(({ label, act, second }) => {
        const button = make("button", { type: "button", className: second ? "button second" : "button" });
        button.textContent = label;
        button.addEventListener("click", act);
        return [button, " "];
      }),
    );
    block.append(row);
  }
  document.querySelector("main")?.prepend(block);
  block.focus();
}

/**
 * @template {keyof HTMLElementTagNameMap} Name
 * @param {Name} name
 * @param {Partial<HTMLElementTagNameMap[Name]>} properties
 * @returns {HTMLElementTagNameMap[Name]}
 */
export function make(name, properties) {
  return Object.assign(document.createElement(name), properties);
}
