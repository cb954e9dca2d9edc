// Who has this page before them: the code that this tab carries, if it is the one that the page was opened with.

import { derive } from "./code.js";
import { hex } from "./encoding.js";
import { data } from "./page.js";
import { carriedCode } from "./pouch.js";

/**
 * @returns {{code: string, keys: import("./code.js").Keys} | null}
 */
export function visitor() {
  const asked = document.querySelector("input[name=access]")?.getAttribute("value") ?? "";
  const code = carriedCode(asked);
  if (!code || !data) {
    return null;
  }
  const keys = derive(code, data.instance);
  return hex(keys.access) === asked ? { code, keys } : null;
}
