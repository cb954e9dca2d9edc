// The page that asks for the code. It reads the code here, and sends only the access token that it gives.

import { CodeError, countDigits, derive, groups, read } from "./code.js";
import { hex } from "./encoding.js";
import { data, words } from "./page.js";
import { addressOf, go } from "./posting.js";
import { clearSummary, make, showSummary } from "./summary.js";
import { carriedCode, carryCode } from "./pouch.js";
import { drop } from "./tab.js";
import { browserWay } from "./way.js";

/** Takes the form over. */
export function returnPage() {
  const field = /** @type {HTMLInputElement} */ (document.getElementById("code"));
  const form = /** @type {HTMLFormElement} */ (field.form);
  if (data?.unknown) {
    field.value ||= groups(carriedCode(data.access));
  }
  drop();
  field.removeAttribute("name");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    try {
      open(read(field.value), form);
    } catch (error) {
      if (error instanceof CodeError) {
        tell(error.rule, field);
      } else {
        offerPlainWay(form, field);
      }
    }
  });
  browserWay();
}

/**
 * @param {string} code
 * @param {HTMLFormElement} form
 */
function open(code, form) {
  const access = hex(derive(code, /** @type {any} */ (data).instance).access);
  carryCode(code, access);
  const token = /** @type {HTMLInputElement} */ (form.querySelector("[name=form_token]"));
  go(addressOf("return"), { form_token: token.value, access });
}

/**
 * Says what is wrong with the code, above and at the field.
 * @param {string} rule
 * @param {HTMLInputElement} field
 */
function tell(rule, field) {
  const text = words[rule].replace("{typed}", String(countDigits(field.value)));
  clearSummary();
  const link = make("p", {});
  link.append(make("a", { href: "#code", textContent: text }));
  showSummary([make("h2", { textContent: words.problem }), link]);
  field.before(make("p", { id: "code-problem", className: "problem", textContent: text }));
  field.closest(".question")?.classList.add("wrong");
  field.setAttribute("aria-describedby", "code-hint code-problem");
  if (!document.title.startsWith(words.error)) {
    document.title = `${words.error} ${document.title}`;
  }
}

/**
 * The browser cannot do it. What the server would see then is for the person to decide.
 * @param {HTMLFormElement} form
 * @param {HTMLInputElement} field
 */
function offerPlainWay(form, field) {
  const act = () => {
    field.name = "code";
    form.submit();
  };
  showSummary([words.not_opened, words.without], [{ label: words.open_without, act, second: true }]);
}
