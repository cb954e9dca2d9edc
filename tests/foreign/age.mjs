// Encrypts and decrypts with the npm implementation of age. Reads a JSON array of cases from standard input, each
// {"recipient": …, "data": …} to encrypt or {"identity": …, "data": …} to decrypt, with data in Base64, and writes a
// JSON array of the results in Base64.
import { readFileSync } from "node:fs";
import { Decrypter, Encrypter } from "age-encryption";

async function run({ recipient, identity, data }) {
  const bytes = new Uint8Array(Buffer.from(data, "base64"));
  if (recipient !== undefined) {
    const encrypter = new Encrypter();
    encrypter.addRecipient(recipient);
    return encrypter.encrypt(bytes);
  }
  const decrypter = new Decrypter();
  decrypter.addIdentity(identity);
  return decrypter.decrypt(bytes);
}

const results = [];
for (const item of JSON.parse(readFileSync(0, "utf8"))) {
  results.push(Buffer.from(await run(item)).toString("base64"));
}
process.stdout.write(JSON.stringify(results));
