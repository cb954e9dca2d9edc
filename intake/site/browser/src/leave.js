// Every page without a form: only the quick way out.

import { quickExit } from "./leaving.js";
import { drop } from "./tab.js";

const START_PAGE = /^\/[^/]+\/$/;

quickExit();
// Whoever is back at the start has finished. After an error, going back must still work.
if (START_PAGE.test(location.pathname)) {
  drop();
}
