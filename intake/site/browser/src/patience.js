/**
 * How long a request may take.
 * @param {number} seconds
 * @returns {AbortSignal} gives the request up after that
 */
export function patience(seconds) {
  const controller = new AbortController();
  setTimeout(() => controller.abort(), seconds * 1000);
  return controller.signal;
}
