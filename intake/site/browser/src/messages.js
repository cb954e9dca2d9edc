// The desk's messages: opened here, and shown only when its key signed them for this testimony.

import { unbase64 } from "./encoding.js";
import { parseMessage, verify } from "./envelope.js";
import { open } from "./seal.js";

/** @typedef {import("./envelope.js").Message} Message */

const DAY = /^\d{4}-\d\d-\d\d$/;
const STATES = ["received", "accepted", "set aside", "used"];

/**
 * @param {{id: string, sealed: string}[]} sealed as they were delivered, in base64
 * @param {Uint8Array} mailboxSeed
 * @param {string} deskKey Ed25519, base64
 * @param {string} testimony the id that they have to name
 * @returns {Promise<{replies: Message[], news: Message[], unread: number}>} replies under the id to delete them by
 */
export async function openMessages(sealed, mailboxSeed, deskKey, testimony) {
  /** @type {Message[]} */
  const opened = [];
  for (const message of sealed) {
    const found = await openMessage(message.sealed, mailboxSeed);
    if (found && found.parent === testimony && verify(found, deskKey)) {
      opened.push({ ...found, id: message.id });
    }
  }
  opened.sort((one, other) => (one.day + one.id < other.day + other.id ? -1 : 1));
  return {
    replies: opened.filter((message) => message.kind === "reply").reverse(),
    news: opened.filter((message) => message.kind === "acknowledgement"),
    unread: sealed.length - opened.length,
  };
}

/**
 * @param {string} sealed
 * @param {Uint8Array} mailboxSeed
 */
async function openMessage(sealed, mailboxSeed) {
  try {
    const message = parseMessage(await open(unbase64(sealed), mailboxSeed));
    const known = message.kind === "reply" || STATES.includes(message.state ?? "");
    return known && DAY.test(message.day) ? message : null;
  } catch {
    return null;
  }
}
