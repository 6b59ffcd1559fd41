// A request as bytes, for connections inside the process that send few.

import { Source } from '../util/bytes.ts'

/** Encodes a command; words are sent as UTF-8. */
export function encodeRequest(command: string, words: readonly string[]): Source {
  let request = `*${words.length + 1}\r\n$${command.length}\r\n${command}\r\n`
  for (const word of words) request += `$${Buffer.byteLength(word)}\r\n${word}\r\n`
  return new Source(Buffer.from(request))
}
