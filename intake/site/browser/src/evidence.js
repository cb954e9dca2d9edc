// Files: each is sealed while it is read, and goes in parts. Never is a whole file in memory.

import { renew, sealAs, token } from "./author.js";
import { hasher, hex } from "./encoding.js";
import { paddedSize, randomId } from "./envelope.js";
import { Row } from "./evidence_view.js";
import { leaving } from "./leaving.js";
import { data } from "./page.js";
import { partsOf } from "./parts.js";
import { Refused, addressOf, post } from "./posting.js";
import { sealStream } from "./seal.js";

/** @typedef {import("./code.js").Keys} Keys */

const PART = 2 * 1024 * 1024;
const ZEROS = new Uint8Array(64 * 1024);
const PAUSES = [1000, 3000, 9000]; // milliseconds, between tries to send a part
const LONGEST_NAME = 255;
const MEDIA_TYPE = /^[a-z0-9][a-z0-9!#$&^_.+-]{0,63}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}$/;
const BEGINNINGS = 3;

/** The browser could not read the file to its end. */
class ReadingError extends Error {}

let underWay = 0;

addEventListener("beforeunload", (event) => {
  if (underWay && !leaving()) {
    event.preventDefault();
    event.returnValue = true; // Chromium before 119 asks for this
  }
});

/**
 * Takes over the form for files.
 * @param {HTMLFormElement} form
 * @param {Keys} keys
 * @param {string} code for whoever chooses to send without the lock
 */
export function takeFiles(form, keys, code) {
  const chooser = /** @type {HTMLInputElement} */ (form.querySelector("[type=file]"));
  const none = /** @type {HTMLElement} */ (form.querySelector(".none"));
  let last = Promise.resolve();
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const files = [...(chooser.files ?? [])];
    none.hidden = files.length > 0;
    for (const file of files) {
      const row = new Row(form, file, () => sendWithoutLock(form, chooser, file, code));
      underWay += 1;
      last = last.then(() => takeFile(file, row, Number(form.dataset.largest), keys)).finally(() => (underWay -= 1));
    }
    form.reset();
  });
}

/**
 * Sends a file, and says what became of it.
 * @param {File} file
 * @param {Row} row
 * @param {number} largest bytes
 * @param {Keys} keys
 */
async function takeFile(file, row, largest, keys) {
  if (file.size > largest) {
    row.end("too-large");
    return;
  }
  for (let beginning = 1; ; beginning += 1) {
    try {
      await sendFile(file, row, keys);
      row.end("stored");
      return;
    } catch (error) {
      const lost = error instanceof Refused && (error.status === 410 || error.why === "stale");
      if (!lost || beginning === BEGINNINGS || row.signal.aborted) {
        tell(error, row);
        return;
      }
      await renew().catch(() => {}); // the next try says what is wrong
    }
  }
}

/**
 * @param {File} file
 * @param {Row} row
 * @param {Keys} keys
 */
async function sendFile(file, row, keys) {
  stopIfAsked(row);
  const content = randomId();
  const digest = hasher();
  const size = paddedSize(file.size);
  let number = 0;
  row.progress(0);
  const sealed = await sealStream(padded(file, digest), data?.recipients ?? []);
  for await (const part of partsOf(sealed, PART)) {
    await sendPart({ content, number: String(number), part }, row, keys);
    number += 1;
    row.progress(Math.min(1, (number * PART) / size));
  }
  const described = { content, ...about(file), sha256: hex(digest.digest()) };
  await sendPart({ content, ...(await sealAs("attachment", described, keys)) }, row, keys);
}

/**
 * A file's bytes, and zeros after them.
 * @param {File} file
 * @param {ReturnType<typeof hasher>} digest what the file's own bytes go through
 * @returns {ReadableStream<Uint8Array>}
 */
function padded(file, digest) {
  const reader = file.stream().getReader();
  let read = 0;
  let zeros = paddedSize(file.size) - file.size;
  return new ReadableStream(
    {
      async pull(controller) {
        const { done, value } = await reader.read().catch(() => {
          throw new ReadingError();
        });
        if (value) {
          read += value.length;
          digest.update(value);
          controller.enqueue(value);
        } else if (read !== file.size) {
          throw new ReadingError(); // it changed
        } else if (done && zeros) {
          const some = Math.min(zeros, ZEROS.length);
          zeros -= some;
          controller.enqueue(ZEROS.slice(0, some));
        } else {
          controller.close();
        }
      },
      cancel: () => reader.cancel(),
    },
    { highWaterMark: 0 },
  );
}

/** @param {File} file */
function about(file) {
  const name = Array.from(file.name.split(/[/\\]/).pop() ?? "").slice(0, LONGEST_NAME).join("");
  const type = file.type.split(";")[0].trim().toLowerCase();
  return { name, media_type: MEDIA_TYPE.test(type) ? type : "application/octet-stream", size: file.size };
}

/**
 * Sends a part; again after each failure of the network, and after several when the person says so.
 * @param {Record<string, string | Uint8Array>} fields
 * @param {Row} row
 * @param {Keys} keys
 */
async function sendPart(fields, row, keys) {
  for (let failed = 0; ; ) {
    stopIfAsked(row);
    try {
      await post("evidence", { form_token: token(), access: hex(keys.access), ...fields }, row.signal);
      return;
    } catch (error) {
      if (row.signal.aborted || (error instanceof Refused && (error.status < 500 || error.status === 507))) {
        throw error;
      }
      failed = failed < PAUSES.length ? failed + 1 : 0;
      await (failed ? row.pause(PAUSES[failed - 1]) : row.goOn());
    }
  }
}

/** @param {Row} row */
function stopIfAsked(row) {
  if (row.signal.aborted) {
    throw new Error("stopped");
  }
}

/**
 * @param {unknown} error
 * @param {Row} row
 */
function tell(error, row) {
  if (row.signal.aborted) {
    row.end("stopped");
  } else if (error instanceof Refused) {
    row.end("refused", error.texts);
  } else {
    row.end(error instanceof ReadingError ? "unreadable" : "not-locked");
  }
}

/**
 * Sends one file the plain way, because the person chose to.
 * @param {HTMLFormElement} form
 * @param {HTMLInputElement} chooser
 * @param {File} file
 * @param {string} code
 */
function sendWithoutLock(form, chooser, file, code) {
  const only = new DataTransfer();
  only.items.add(file);
  chooser.files = only.files;
  const access = /** @type {HTMLInputElement} */ (form.querySelector("[name=access]"));
  Object.assign(access, { name: "code", value: code });
  Object.assign(form, { method: "post", enctype: "multipart/form-data", action: addressOf("evidence") });
  form.submit();
}
