// Function libraries as a payload: FUNCTION DUMP returns it and FUNCTION RESTORE takes it.
//
//   [245][code] for each library, [version u16][CRC-64 of everything before]

import { ReplyError } from '../../protocol/errors.ts'
import { assert } from '../../util/assert.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { CHECKED } from '../../util/invariant.ts'
import { RdbDamage, STARVED } from './damage.ts'
import { isPayload } from './payload.ts'
import { OPCODE, RDB_VERSION_WRITTEN } from './rdb-format.ts'
import { RdbInput } from './rdb-input.ts'
import { RdbOutput } from './rdb-output.ts'

const FOOTER_BYTES = 10

const NOT_A_FUNCTION = new ReplyError('ERR given type is not a function')
const UNREADABLE = new ReplyError('ERR failed loading the given functions payload')

/** Writes the code of libraries (latin1); the payload is the caller's. */
export function writeFunctionPayload(codes: Iterable<string>, compress: boolean): Bytes {
  const output = new RdbOutput({ compress, checksum: true })
  for (const code of codes) {
    output.byte(OPCODE.function)
    output.text(code)
  }
  output.byte(RDB_VERSION_WRITTEN & 0xff)
  output.byte(RDB_VERSION_WRITTEN >> 8)
  output.checksum()
  const payload = new Bytes(output.source, 0, output.length)
  if (CHECKED) assert(isPayload(payload, true), 'a payload that was written has the right footer')
  return payload
}

export const isFunctionPayload = isPayload

/**
 * Reads the code of the libraries in a payload that passed `isFunctionPayload`. Throws ReplyError.
 */
export function readFunctionPayload(payload: Bytes): string[] {
  const { source, start, length } = payload
  const end = start + length - FOOTER_BYTES
  const input = new RdbInput(source, start, end)
  const window = new Bytes()
  const codes: string[] = []
  try {
    while (input.at < end) {
      if (input.byte() !== OPCODE.function) throw NOT_A_FUNCTION
      codes.push(input.string(window).toString())
    }
  } catch (error) {
    if (error === STARVED || error instanceof RdbDamage) throw UNREADABLE
    throw error
  }
  return codes
}
