// Runs the browser's core without a browser. Reads a JSON array of calls from standard input, each {"call": …} with what
// the call needs, and writes a JSON array of their results. Bytes are in Base64.
import { readFileSync } from "node:fs";

import * as answers from "../../intake/site/browser/src/answers.js";
import * as code from "../../intake/site/browser/src/code.js";
import { canonical, hex, unhex, unbase64, base64 } from "../../intake/site/browser/src/encoding.js";
import * as envelope from "../../intake/site/browser/src/envelope.js";
import * as seal from "../../intake/site/browser/src/seal.js";

const CALLS = {
  make: () => code.make(),
  groups: (given) => code.groups(given.code),
  derive(given) {
    const keys = code.derive(given.code, given.instance);
    const inHex = Object.fromEntries(Object.entries(keys).map(([name, key]) => [name, hex(key)]));
    return {
      ...inHex,
      mailbox_fingerprint: seal.fingerprint(seal.recipientOf(keys.mailbox)),
      authority_public: envelope.authorityOf(keys.authority),
    };
  },
  read(given) {
    try {
      return { code: code.read(given.typed) };
    } catch (error) {
      return { rule: error.rule };
    }
  },
  countDigits: (given) => code.countDigits(given.typed),
  canonical: (given) => canonical(given.value),
  sign: (given) => envelope.sign(given.kind, given.fields, unhex(given.seed)).signature,
  verify: (given) => envelope.verify(given.fields, given.key),
  build: (given) => base64(envelope.build(given.kind, given.fields)),
  common: (given) => envelope.common(given.data),
  paddedSize: (given) => envelope.paddedSize(given.size),
  fingerprint: (given) => seal.fingerprint(given.recipient),
  recipientOf: (given) => seal.recipientOf(unhex(given.seed)),
  seal: async (given) => base64(await seal.seal(unbase64(given.bytes), given.recipients)),
  sealStream: async (given) => base64(await collected(await seal.sealStream(parts(given), given.recipients))),
  open: async (given) => base64(await seal.open(unbase64(given.bytes), unhex(given.seed))),
  lock: async (given) => base64(await seal.lock(unbase64(given.bytes), unhex(given.key))),
  unlock: async (given) => base64(await seal.unlock(unbase64(given.bytes), unhex(given.key))),
  parseMessage: (given) => envelope.parseMessage(unbase64(given.bytes)),
  parseChoices: (given) => envelope.parseChoices(unbase64(given.bytes)),
  answers(given) {
    const fields = { getAll: (name) => given.fields[name] ?? [] };
    return answers.check(given.rules, answers.given(fields, given.rules));
  },
};

function parts(given) {
  const bytes = unbase64(given.bytes);
  let start = 0;
  return new ReadableStream({
    pull(controller) {
      const end = start + given.part;
      if (start < bytes.length) {
        controller.enqueue(bytes.subarray(start, end));
      }
      if (end >= bytes.length) {
        controller.close();
      }
      start = end;
    },
  });
}

async function collected(stream) {
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

const results = [];
for (const given of JSON.parse(readFileSync(0, "utf8"))) {
  try {
    results.push({ result: await CALLS[given.call](given) });
  } catch (error) {
    results.push({ refused: error.message });
  }
}
process.stdout.write(JSON.stringify(results));
