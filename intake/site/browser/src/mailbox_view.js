// Fills in what the server could not: messages and choices, from the templates of the page. Text stays text.

import { openConsents } from "./consents.js";
import { data } from "./page.js";

/** @typedef {import("./envelope.js").Message} Message */

/**
 * @param {{replies: Message[], news: Message[], unread: number}} opened
 */
export function showMessages({ replies, news, unread }) {
  place("replies", replies.map(reply));
  place("news", news.map(item));
  if (replies.length) {
    place("count", [` (${replies.length})`]);
  }
  if (unread) {
    const note = document.createElement("p");
    note.textContent = data?.unread[unread - 1];
    document.getElementById("replies")?.append(note);
  }
}

/**
 * Shows what they agreed to, without the choices that are closed to them; nothing where that is not known.
 * @param {import("./envelope.js").Choices | null} choices
 */
export function showConsents(choices) {
  if (!choices) {
    document.querySelectorAll(".agreed").forEach((element) => element.remove());
    return;
  }
  const open = openConsents(data?.rules, choices).map((question) => question.id);
  for (const input of document.querySelectorAll("#choices input[type=radio]")) {
    const { name, value } = /** @type {HTMLInputElement} */ (input);
    if (!open.includes(name)) {
      input.closest(".question")?.remove();
    } else {
      /** @type {HTMLInputElement} */ (input).checked = choices.consent[name] === value;
    }
  }
}

/**
 * @param {Message} message
 * @param {number} index
 */
function reply(message, index) {
  const element = copyOf("reply", message);
  element.querySelectorAll("[aria-describedby]").forEach((one) => one.setAttribute("aria-describedby", `r${index}`));
  element.querySelector("h3")?.setAttribute("id", `r${index}`);
  element.querySelector("article")?.setAttribute("aria-labelledby", `r${index}`);
  element.querySelector("button")?.setAttribute("value", message.id);
  return element;
}

/** @param {Message} message */
function item(message) {
  const known = message.sha256 === data?.testimony.sha256;
  const state = message.state === "received" ? `received-${known ? "same" : "other"}` : message.state;
  const element = copyOf(`news-${state?.replace(" ", "-")}`, message);
  const digest = element.querySelector(".digest");
  if (digest) {
    digest.textContent = message.sha256 ?? "";
  }
  return element;
}

/**
 * @param {string} template
 * @param {Message} message
 * @returns {DocumentFragment}
 */
function copyOf(template, message) {
  const found = /** @type {HTMLTemplateElement} */ (document.getElementById(template));
  const copy = /** @type {DocumentFragment} */ (found.content.cloneNode(true));
  const walker = document.createTreeWalker(copy, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const { currentNode } = walker;
    currentNode.nodeValue = currentNode.nodeValue?.replace("{day}", inWords(message.day)) ?? "";
  }
  const said = copy.querySelector(".said");
  if (said) {
    said.textContent = message.text;
    if (!message.text) {
      said.remove();
    }
  }
  return copy;
}

/**
 * Puts what there is where the page says that there is nothing.
 * @param {string} id
 * @param {(Node | string)[]} found
 */
function place(id, found) {
  if (found.length) {
    document.querySelectorAll(`#${id} .nothing`).forEach((element) => element.remove());
    document.getElementById(id)?.append(...found);
  }
}

/** @param {string} day */
function inWords(day) {
  const language = `${document.documentElement.lang}-u-ca-gregory-nu-latn`;
  return new Intl.DateTimeFormat(language, { dateStyle: "long", timeZone: "UTC" }).format(new Date(`${day}T00:00Z`));
}
