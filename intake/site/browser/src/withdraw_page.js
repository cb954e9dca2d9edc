// The page that asks once more before everything is taken back.

import { hex } from "./encoding.js";
import { sealAs, send, token } from "./author.js";
import { tellFailure } from "./failing.js";
import { Refused, addressOf, go } from "./posting.js";
import { takeOver } from "./submitting.js";
import { visitor } from "./visitor.js";
import { browserWay } from "./way.js";

/** Takes the form over. Without the code the page stays as it is, and says what to do. */
export function withdrawPage() {
  const person = visitor();
  const form = /** @type {HTMLFormElement | null} */ (document.getElementById("withdraw"));
  if (!person || !form) {
    return;
  }
  const { code, keys } = person;
  takeOver(form, async () => {
    const make = async () => ({ ...(await sealAs("withdrawal", {}, keys)), confirm: "yes" });
    try {
      await send("withdraw", "", make, keys);
    } catch (error) {
      // An earlier try arrived after all.
      if (!(error instanceof Refused && error.why === "withdrawn")) {
        tellFailure(error, "withdraw", () => ({ form_token: token(), code, confirm: "yes" }));
        return;
      }
    }
    go(addressOf("return"), { form_token: token(), access: hex(keys.access) });
  });
  browserWay();
}
