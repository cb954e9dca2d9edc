// The line that says what is happening. Screen readers read it out.

/** @param {string} text */
export function say(text) {
  const line = document.getElementById("status");
  if (line) {
    line.textContent = text;
  }
}
