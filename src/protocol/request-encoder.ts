// Requests as bytes, for those who ask others: primaries, replicas, targets of MIGRATE, servers on trial, the engine in this process.
// Effects on their way to a file or to replicas are encoded in place (`persistence/log/journal-buffer.ts`).

/** Encodes a request; words are latin1, a character a byte. */
export function encodeRequest(words: readonly (string | number)[]): string {
  let text = `*${words.length}\r\n`
  for (const word of words) {
    const said = String(word)
    text += `$${said.length}\r\n${said}\r\n`
  }
  return text
}

/** Encodes a request; words are sent as UTF-8. */
export function encodeUtf8Request(words: readonly string[]): Buffer {
  let text = `*${words.length}\r\n`
  for (const word of words) text += `$${Buffer.byteLength(word)}\r\n${word}\r\n`
  return Buffer.from(text)
}
