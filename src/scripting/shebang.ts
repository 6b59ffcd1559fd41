// The first line of a script, with its flags: `#!lua flags=no-writes`, or `#!lua name=library`.

import type { Requirements } from '../engine/spec/command.ts'
import { ERR, ReplyError } from '../protocol/errors.ts'
import { splitInline } from '../protocol/inline-words.ts'
import type { Bytes } from '../util/bytes/bytes.ts'

export const SCRIPT_NO_WRITES = 1 << 0
export const SCRIPT_ALLOW_OOM = 1 << 1
export const SCRIPT_ALLOW_STALE = 1 << 2
export const SCRIPT_NO_CLUSTER = 1 << 3
export const SCRIPT_ALLOW_CROSS_SLOT_KEYS = 1 << 4
/** A script without a shebang: no flags are checked before it runs. */
export const SCRIPT_UNDECLARED = 1 << 5

/** Flags by name, in the order FUNCTION LIST prints them. */
export const SCRIPT_FLAGS: readonly (readonly [string, number])[] = [
  ['no-writes', SCRIPT_NO_WRITES],
  ['allow-oom', SCRIPT_ALLOW_OOM],
  ['allow-stale', SCRIPT_ALLOW_STALE],
  ['no-cluster', SCRIPT_NO_CLUSTER],
  ['allow-cross-slot-keys', SCRIPT_ALLOW_CROSS_SLOT_KEYS],
]

/** Returns the bit of a flag; undefined for an unknown name. */
export function scriptFlag(name: string): number | undefined {
  return SCRIPT_FLAGS.find(([known]) => known === name)?.[1]
}

/**
 * Reads the flags of an EVAL script, and where its code begins: at the end of the shebang, so that
 * line numbers stay.
 */
export function readScriptShebang(source: string): { flags: number; start: number } {
  if (!source.startsWith('#!')) return { flags: SCRIPT_UNDECLARED, start: 0 }
  const start = source.indexOf('\n')
  if (start === -1) throw ERR.of('Invalid script shebang')
  const [interpreter, ...options] = splitInline(source.slice(0, start)) ?? []
  if (interpreter === undefined) throw ERR.of('Invalid engine in script shebang')
  if (interpreter !== '#!lua') throw ERR.of(`Unexpected engine in script shebang: ${interpreter}`)
  let flags = 0
  for (const option of options) {
    if (!option.startsWith('flags=')) throw ERR.of(`Unknown lua shebang option: ${option}`)
    const names = option.slice('flags='.length)
    if (names === '') continue
    for (const name of names.split(',')) {
      const flag = scriptFlag(name)
      if (flag === undefined) throw ERR.of(`Unexpected flag in script shebang: ${name}`)
      flags |= flag
    }
  }
  return { flags, start }
}

/** Returns the flags of a script's body; undefined when it declares none, or malformed ones. */
export function declaredFlags(body: Bytes): number | undefined {
  const { source, start, length } = body
  if (length < 2 || source.u8[start] !== 0x23 || source.u8[start + 1] !== 0x21) return undefined
  try {
    return readScriptShebang(body.toString()).flags
  } catch (error) {
    // Running the script will report the error.
    if (error instanceof ReplyError) return undefined
    throw error
  }
}

/**
 * Returns what a script or function with these flags requires; undefined when it declares nothing.
 */
export function requirementsOf(flags: number | undefined): Requirements | undefined {
  if (flags === undefined || (flags & SCRIPT_UNDECLARED) !== 0) return undefined
  const isWrite = (flags & SCRIPT_NO_WRITES) === 0
  const isDenyoom = isWrite && (flags & SCRIPT_ALLOW_OOM) === 0
  return {
    isWrite,
    isDenyoom,
    mayReplicate: isWrite,
    runsWhileLoading: false,
    runsWhileStale: (flags & SCRIPT_ALLOW_STALE) !== 0,
  }
}

/** Reads the first line of a function library. Throws ReplyError. */
export function readLibraryShebang(code: string): { engine: string; name: string; start: number } {
  if (!code.startsWith('#!')) throw ERR.of('Missing library metadata')
  const start = code.indexOf('\n')
  const parts = start === -1 ? undefined : splitInline(code.slice(0, start))
  const [first, ...rest] = parts ?? []
  if (first === undefined) throw ERR.of('Invalid library metadata')
  let name: string | undefined
  for (const part of rest) {
    if (!/^name=/i.test(part)) throw ERR.of(`Invalid metadata value given: ${part}`)
    if (name !== undefined) throw ERR.of('Invalid metadata value, name argument was given multiple times')
    name = part.slice('name='.length)
  }
  if (name === undefined) throw ERR.of('Library name was not given')
  return { engine: first.slice(2), name, start }
}
