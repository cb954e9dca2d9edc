/**
 * Cuts a stream into parts of one size; the last may be shorter. The memory of a part is used again for the next.
 * @param {ReadableStream<Uint8Array>} stream given up when the parts are no longer asked for
 * @param {number} size bytes
 * @returns {AsyncGenerator<Uint8Array>}
 */
export async function* partsOf(stream, size) {
  const reader = stream.getReader();
  const part = new Uint8Array(size);
  let filled = 0;
  try {
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      for (let start = 0; start < piece.value.length; ) {
        const taken = piece.value.subarray(start, start + size - filled);
        part.set(taken, filled);
        filled += taken.length;
        start += taken.length;
        if (filled === size) {
          yield part;
          filled = 0;
        }
      }
    }
    if (filled) {
      yield part.subarray(0, filled);
    }
  } finally {
    reader.cancel().catch(() => {}); // it may have failed by itself
  }
}
