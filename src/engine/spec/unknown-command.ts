// The error for a request whose first word names no command.

import type { Arguments } from '../../protocol/arguments.ts'
import { ERR, printable, type ReplyError } from '../../protocol/errors.ts'

/** The most bytes of a client's own words that an error quotes. */
const QUOTED_BYTES_MAX = 128

/**
 * Returns Redis's error for an unknown command: its name and the beginning of its arguments, each
 * quoted.
 */
export function unknownCommand(args: Arguments): ReplyError {
  let quoted = ''
  for (let i = 1; i < args.length && quoted.length < QUOTED_BYTES_MAX; i++) {
    quoted += `'${printable(args.string(i), QUOTED_BYTES_MAX - quoted.length)}' `
  }
  const name = printable(args.string(0), QUOTED_BYTES_MAX)
  return ERR.of(`unknown command '${name}', with args beginning with: ${quoted}`)
}

/**
 * Tells if a request is a line of HTTP. A web page can make a browser send HTTP here, and the
 * server must not obey the text after its headers.
 */
export function speaksHttp(args: Arguments): boolean {
  return args.equalsIgnoreCase(0, 'POST') || args.equalsIgnoreCase(0, 'HOST:')
}
