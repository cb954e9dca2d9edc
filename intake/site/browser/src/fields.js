// What stands in a form, as it was typed: to keep it, and to put it back.

/** @typedef {[name: string, value: string][]} Typed */

/**
 * @param {HTMLFormElement} form
 * @returns {Typed} every field that holds something, without the hidden ones
 */
export function typed(form) {
  /** @type {Typed} */
  const found = [];
  for (const [name, value] of new FormData(form)) {
    if (typeof value === "string" && value && controls(form, name).length) {
      found.push([name, value]);
    }
  }
  return found;
}

/**
 * Empties the form and puts back what was typed once.
 * @param {HTMLFormElement} form
 * @param {Typed} fields
 * @returns {number} how many of them have no place in this form
 */
export function putBack(form, fields) {
  empty(form);
  return fields.filter(([name, value]) => !controls(form, name).some((control) => put(control, value))).length;
}

/** @param {HTMLFormElement} form */
function empty(form) {
  for (const control of all(form)) {
    if (control instanceof HTMLInputElement && isChoice(control)) {
      control.checked = false;
    } else {
      control.value = "";
    }
  }
}

/**
 * @param {Control} control
 * @param {string} value
 * @returns {boolean} whether the control could take it
 */
function put(control, value) {
  if (control instanceof HTMLInputElement && isChoice(control)) {
    const fits = control.value === value;
    control.checked ||= fits;
    return fits;
  }
  control.value = value;
  return control.value !== "";
}

/** @typedef {HTMLInputElement | HTMLTextAreaElement | HTMLSelectElement} Control */

/**
 * @param {HTMLFormElement} form
 * @returns {Control[]} the controls that a person answers with
 */
function all(form) {
  return /** @type {Control[]} */ ([
    ...form.querySelectorAll(":is(input:not([type=hidden]),textarea,select)[name]:not(.trap *)"),
  ]);
}

/**
 * @param {HTMLFormElement} form
 * @param {string} name
 */
function controls(form, name) {
  return all(form).filter((control) => control.name === name);
}

/** @param {HTMLInputElement} input */
function isChoice(input) {
  return input.type === "radio" || input.type === "checkbox";
}
