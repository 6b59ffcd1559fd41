// Compiled scripts by SHA-1, and by their text.
//
// A client sends EVAL with the whole body whenever it does not know better, so a
// body that was seen before must not cost more than finding it: its length and a
// few of its bytes choose the candidates, and one comparison of memory decides.
// Only a new body is hashed and compiled.
//
// What SCRIPT LOAD brought stays until SCRIPT FLUSH. What came with EVAL may be sent again at any time: of that the least
// recently used is forgotten, as Redis does from 7.4 on, so that clients who write values into their scripts do not
// fill the memory. Whoever asks for it by its SHA-1 hears NOSCRIPT, as after a restart, and sends the body.

import { Bytes, equalBytes, Source } from '../util/bytes/bytes.ts'
import { ArgumentTexts } from './argument-texts.ts'
import type { LuaFunction } from './lua/value.ts'
import { sha1 } from './redis-library.ts'
import { readScriptShebang } from './shebang.ts'

export interface Script {
  readonly sha: string
  readonly shaBytes: Source
  readonly body: Source
  readonly main: LuaFunction
  /** Bits SCRIPT_…. */
  readonly flags: number
  readonly keyTexts: ArgumentTexts
  readonly argumentTexts: ArgumentTexts
  /** When it was asked for last, counted in questions. */
  usedAt: number
}

/** How long a script is to stay: until SCRIPT FLUSH, or while it is among those used last. */
export type Retention = 'kept' | 'while used'

/** Scripts of EVAL that are remembered: Redis's number, and so many bytes of bodies, of which compiled code takes ten times as many. */
const EVALUATED_COUNT_MAX = 500
const EVALUATED_BYTES_MAX = 16 * 1024 * 1024

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
  /** Those that came with EVAL alone, and the bytes of their bodies. */
  readonly #evaluated = new Set<Script>()
  #evaluatedBytes = 0
  #questions = 0
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
    if (known !== undefined && equalBytes(known.shaBytes, 0, source, start, SHA_LENGTH)) return this.#used(known)
    const script = this.#bySha.get(sha.toString().toLowerCase())
    return script === undefined ? undefined : this.#used(script)
  }

  #used(script: Script): Script {
    script.usedAt = ++this.#questions
    return script
  }

  /** Returns the script of a body, compiled now if it is new. Throws ReplyError. */
  script(body: Bytes, stay: Retention): Script {
    const key = sample(body)
    const candidates = this.#byBody.get(key)
    if (candidates !== undefined) {
      for (const script of candidates) {
        if (script.body.u8.length === body.length && equalBytes(script.body, 0, body.source, body.start, body.length)) {
          if (stay === 'kept') this.#keep(script)
          return this.#used(script)
        }
      }
    }
    const source = body.toString()
    const sha = sha1(source)
    // One that found no place among its like.
    const known = this.#bySha.get(sha)
    if (known !== undefined) {
      if (stay === 'kept') this.#keep(known)
      return this.#used(known)
    }
    const { flags, start } = readScriptShebang(source)
    const main = this.#compile(source.slice(start))
    const shaBytes = new Source(Buffer.from(sha, 'latin1'))
    const script: Script = {
      sha,
      shaBytes,
      body: new Source(body.toBuffer()),
      main,
      flags,
      keyTexts: new ArgumentTexts(KEY_BYTES_MAX),
      argumentTexts: new ArgumentTexts(ARGUMENT_BYTES_MAX),
      usedAt: ++this.#questions,
    }
    this.#bySha.set(sha, script)
    this.#byDigits.set(shaBytes.view.getInt32(0), script)
    this.bytes += body.length
    if (candidates === undefined) this.#byBody.set(key, [script])
    else if (candidates.length < CANDIDATES_MAX) candidates.push(script)
    if (stay === 'while used') {
      this.#evaluated.add(script)
      this.#evaluatedBytes += body.length
      this.#forgetUnused()
    }
    return script
  }

  #keep(script: Script): void {
    if (this.#evaluated.delete(script)) this.#evaluatedBytes -= script.body.u8.length
  }

  /** Forgets scripts of EVAL until they are no more than they may be; the one that has just come stays. */
  #forgetUnused(): void {
    const evaluated = this.#evaluated
    while (evaluated.size > EVALUATED_COUNT_MAX || (this.#evaluatedBytes > EVALUATED_BYTES_MAX && evaluated.size > 1)) {
      let oldest: Script | undefined
      for (const script of evaluated) if (oldest === undefined || script.usedAt < oldest.usedAt) oldest = script
      this.#forget(oldest!)
    }
  }

  #forget(script: Script): void {
    this.#keep(script)
    this.#bySha.delete(script.sha)
    const digits = script.shaBytes.view.getInt32(0)
    if (this.#byDigits.get(digits) === script) this.#byDigits.delete(digits)
    const { body } = script
    this.bytes -= body.u8.length
    const key = sample(new Bytes().set(body, 0, body.u8.length))
    const others = this.#byBody.get(key)?.filter((other) => other !== script) ?? []
    if (others.length === 0) this.#byBody.delete(key)
    else this.#byBody.set(key, others)
  }

  /** Forgets every script. */
  clear(): void {
    this.#bySha.clear()
    this.#byDigits.clear()
    this.#byBody.clear()
    this.#evaluated.clear()
    this.#evaluatedBytes = 0
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
