// Compiled scripts by SHA-1, and by their text.
//
// A client sends EVAL with the whole body whenever it does not know better, so a
// body that was seen before must not cost more than finding it: its length and a
// few of its bytes choose the candidates, and one comparison of memory decides.
// Only a new body is hashed and compiled.

import { type Bytes, equalBytes, Source } from '../util/bytes.ts'
import type { LuaFunction } from './lua/value.ts'
import { sha1 } from './redis-library.ts'
import { readScriptShebang } from './shebang.ts'
import { TextMemory } from './text-memory.ts'

export interface Script {
  readonly sha: string
  readonly shaBytes: Source
  readonly body: Source
  readonly main: LuaFunction
  /** Bits SCRIPT_…. */
  readonly flags: number
  readonly keyTexts: TextMemory
  readonly argumentTexts: TextMemory
}

/** Hexadecimal digits of a SHA-1. */
export const SHA_LENGTH = 40

/** Longest key that a script remembers, and longest argument: BullMQ hands its options over as one of 150 bytes. */
const KEY_BYTES_MAX = 64
const ARGUMENT_BYTES_MAX = 256

/** Bytes of a body that are looked at to tell it from others of its length. */
const SAMPLES = 32

/** Bodies that are compared one by one. If more are alike in what is looked at, SHA-1 tells them apart: one can make any number of those. */
const CANDIDATES_MAX = 8

export class ScriptCache {
  readonly #bySha = new Map<string, Script>()
  /** By the first digits of the SHA-1, as they stand in a request. */
  readonly #byDigits = new Map<number, Script>()
  readonly #byBody = new Map<number, Script[]>()
  readonly #compile: (source: string) => LuaFunction
  /** Bytes of all bodies. */
  bytes = 0

  /** `compile` throws a ReplyError for what is no Lua. */
  constructor(compile: (source: string) => LuaFunction) {
    this.#compile = compile
  }

  get size(): number {
    return this.#bySha.size
  }

  /** Finds a script by its SHA-1, in either case. */
  find(sha: Bytes): Script | undefined {
    if (sha.length !== SHA_LENGTH) return undefined
    const { source, start } = sha
    // No string is made of what is written as nearly everybody writes it: 40 characters cost as much as a small command.
    const known = this.#byDigits.get(source.view.getInt32(start))
    if (known !== undefined && equalBytes(known.shaBytes, 0, source, start, SHA_LENGTH)) return known
    return this.#bySha.get(sha.toString().toLowerCase())
  }

  /** Returns the script of a body, compiled now if it is new. Throws ReplyError. */
  script(body: Bytes): Script {
    const key = sample(body)
    const candidates = this.#byBody.get(key)
    if (candidates !== undefined) {
      for (const script of candidates) {
        if (script.body.u8.length === body.length && equalBytes(script.body, 0, body.source, body.start, body.length)) {
          return script
        }
      }
    }
    const source = body.toString()
    const sha = sha1(source)
    if (candidates !== undefined && candidates.length === CANDIDATES_MAX) {
      const known = this.#bySha.get(sha)
      if (known !== undefined) return known
    }
    const { flags, start } = readScriptShebang(source)
    const main = this.#compile(source.slice(start))
    const shaBytes = new Source(Buffer.from(sha, 'latin1'))
    const script = {
      sha,
      shaBytes,
      body: new Source(body.toBuffer()),
      main,
      flags,
      keyTexts: new TextMemory(KEY_BYTES_MAX),
      argumentTexts: new TextMemory(ARGUMENT_BYTES_MAX),
    }
    this.#bySha.set(sha, script)
    this.#byDigits.set(shaBytes.view.getInt32(0), script)
    this.bytes += body.length
    if (candidates === undefined) this.#byBody.set(key, [script])
    else if (candidates.length < CANDIDATES_MAX) candidates.push(script)
    return script
  }

  /** Forgets every script. */
  clear(): void {
    this.#bySha.clear()
    this.#byDigits.clear()
    this.#byBody.clear()
    this.bytes = 0
  }
}

/** A number that equal bodies share: made of the length and bytes from all over. */
function sample(body: Bytes): number {
  const { length, start } = body
  const { u8 } = body.source
  const stride = length / SAMPLES
  let hash = length
  for (let i = 0; i < SAMPLES; i++) hash = (Math.imul(hash, 31) + u8[start + Math.floor(i * stride)]!) | 0
  // Ends tell scripts of one template apart.
  if (length > 0) hash = (Math.imul(hash, 31) + u8[start + length - 1]!) | 0
  return hash
}
