// What goes to the server: requests from behind the page, and forms that lead to the next one.

import { hex, random, utf8 } from "./encoding.js";
import { letGo } from "./unsaved.js";

const STORED = "ok\n";
const PATIENCE = 300_000; // milliseconds: over Tor a part of a file can take long

/** The server did not take it. `why` is one word, or empty; `texts` are what a person reads. */
export class Refused extends Error {
  /**
   * @param {number} status
   * @param {string} why
   * @param {string[]} texts
   */
  constructor(status, why, texts) {
    super(`refused: ${status} ${why}`);
    this.status = status;
    this.why = why;
    this.texts = texts;
  }
}

/**
 * Posts a form from behind the page. Throws Refused, and another error when no answer of our server came, or it was
 * stopped.
 * @param {string} place below the language, such as `reply`
 * @param {Record<string, string | Uint8Array>} fields bytes go as a file
 * @param {AbortSignal} [stop]
 */
export async function post(place, fields, stop) {
  const { body, type } = multipart(fields);
  const waiting = new AbortController();
  const abort = () => waiting.abort();
  const timer = setTimeout(abort, PATIENCE);
  stop?.addEventListener("abort", abort);
  try {
    const { signal } = waiting;
    const headers = { "Content-Type": type };
    const answer = await fetch(addressOf(place), { method: "POST", headers, body, signal, redirect: "error" });
    const text = await answer.text();
    // A network that wants a login first answers with 200, too.
    if (!answer.ok || text !== STORED) {
      throw refusal(answer.status, text);
    }
  } finally {
    clearTimeout(timer);
    stop?.removeEventListener("abort", abort);
  }
}

/**
 * Leads to the page that answers a form.
 * @param {string} address
 * @param {Record<string, string>} fields
 */
export function go(address, fields) {
  const form = document.createElement("form");
  Object.assign(form, { method: "post", action: address, hidden: true, autocomplete: "off" });
  for (const [name, value] of Object.entries(fields)) {
    form.append(Object.assign(document.createElement("input"), { type: "hidden", name, value }));
  }
  document.body.append(form);
  letGo();
  form.submit();
}

/**
 * @param {string} place below the language of the page
 * @returns {string}
 */
export function addressOf(place) {
  return `/${document.documentElement.lang}/${place}`;
}

/**
 * A form with files (RFC 7578) as bytes. Of a FormData with Blobs, Chromium keeps every Blob in memory for long.
 * @param {Record<string, string | Uint8Array>} fields
 */
function multipart(fields) {
  const boundary = `----${hex(random(16))}`;
  const pieces = Object.entries(fields).flatMap(([name, value]) => {
    const file = typeof value === "string" ? "" : '; filename="sealed"\r\nContent-Type: application/octet-stream';
    const head = `--${boundary}\r\nContent-Disposition: form-data; name="${name}"${file}\r\n\r\n`;
    return [utf8(head), typeof value === "string" ? utf8(value) : value, utf8("\r\n")];
  });
  pieces.push(utf8(`--${boundary}--\r\n`));
  const body = new Uint8Array(pieces.reduce((size, piece) => size + piece.length, 0));
  let end = 0;
  for (const piece of pieces) {
    body.set(piece, end);
    end += piece.length;
  }
  return { body, type: `multipart/form-data; boundary=${boundary}` };
}

/**
 * @param {number} status
 * @param {string} text
 */
function refusal(status, text) {
  const alert = new DOMParser().parseFromString(text, "text/html").querySelector("[data-refused]");
  if (!alert) {
    return new Error("no answer of our server");
  }
  const texts = [...alert.querySelectorAll("p")].map((paragraph) => paragraph.textContent ?? "");
  return new Refused(status, alert.getAttribute("data-refused") ?? "", texts);
}
