// The question that a browser asks before a page with something unsaved is left.

let isSafe = () => true;

addEventListener("beforeunload", (event) => {
  if (!isSafe()) {
    event.preventDefault();
    event.returnValue = true; // Chromium before 119 asks for this
  }
});

/**
 * Lets the browser ask from now on.
 * @param {() => boolean} check whether nothing would be lost
 */
export function warnUnless(check) {
  isSafe = check;
}

/** Lets go of the page without a question: before a navigation of our own. */
export function letGo() {
  isSafe = () => true;
}
