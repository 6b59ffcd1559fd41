// Names in paths and queries.

import { HttpError } from '../exchanges/http-error.ts'

/** Longer names are mistakes: the server accepts 16 KiB of headers in all. */
const NAME_CHARACTERS_MAX = 1024

/** Returns the parts of a path behind a prefix, decoded. Throws HttpError. */
export function segmentsOf(path: string): string[] {
  return path.split('/').slice(1).map(decoded)
}

/** Returns the engine's form of a name: one character for each byte. */
export function latin1Of(name: string): string {
  return Buffer.from(name, 'utf8').toString('latin1')
}

/** Throws HttpError for a name that no channel can have. */
export function checkName(name: string): void {
  if (name === '' || name.length > NAME_CHARACTERS_MAX)
    throw new HttpError(400, `a channel has a name of 1 to ${NAME_CHARACTERS_MAX} characters`)
}

function decoded(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch {
    throw new HttpError(400, 'the path is not well encoded')
  }
}
