// Every page on which a person writes, sends, or reads what waits for them.

import { formPage } from "./form_page.js";
import { quickExit } from "./leaving.js";
import { mailboxPage } from "./mailbox_page.js";
import { able, data } from "./page.js";
import { receiptPage } from "./receipt_page.js";
import { returnPage } from "./return_page.js";
import { withdrawPage } from "./withdraw_page.js";

const PAGES = {
  form: formPage,
  receipt: receiptPage,
  return: returnPage,
  mailbox: mailboxPage,
  withdraw: withdrawPage,
};

quickExit();
if (data && able()) {
  PAGES[data.page]();
}
