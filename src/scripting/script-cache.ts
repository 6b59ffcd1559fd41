// Compiled scripts, found by SHA-1 and by their text.
//
// A client may send EVAL with the whole body each time, so a known body must cost no more than a
// lookup. Its length and a few of its bytes select candidates, and one memory comparison decides.
// Only a new body is hashed and compiled.
//
// Scripts of SCRIPT LOAD stay until SCRIPT FLUSH. Scripts of EVAL can be sent again, so the least
// recently used ones are evicted, as in Redis from 7.4 on. Thus clients that write values into
// their scripts do not fill the memory. EVALSHA of an evicted script replies NOSCRIPT, as after a
// restart.

import { byteAt } from '../util/array-reads.ts'
import { assert } from '../util/assert.ts'
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
  /** The lookup that used it last, as a counter. */
  usedAt: number
}

/** How long a script stays: until SCRIPT FLUSH, or while it is among the most recently used. */
export type Retention = 'kept' | 'while used'

/**
 * Limits for scripts of EVAL: Redis's number, and the bytes of bodies. Compiled code takes ten
 * times as many bytes.
 */
const EVALUATED_COUNT_MAX = 500
const EVALUATED_BYTES_MAX = 16 * 1024 * 1024

/** Hexadecimal digits of a SHA-1. */
export const SHA_LENGTH = 40

/**
 * Longest key and longest argument that a script's text cache holds. BullMQ passes its options as
 * one argument of 150 bytes.
 */
const KEY_BYTES_MAX = 64
const ARGUMENT_BYTES_MAX = 256

/** Bytes of a body that are sampled to tell it from others of its length. */
const SAMPLES = 32

/**
 * Bodies that are compared one by one. More bodies with equal samples are told apart by SHA-1,
 * because an attacker can make any number of them.
 */
const CANDIDATES_MAX = 8

export class ScriptCache {
  readonly #bySha = new Map<string, Script>()
  /** By the first digits of the SHA-1, read as one integer from the request. */
  readonly #byDigits = new Map<number, Script>()
  readonly #byBody = new Map<number, Script[]>()
  readonly #compile: (source: string) => LuaFunction
  /** Scripts that only EVAL brought, and the bytes of their bodies. */
  readonly #evaluated = new Set<Script>()
  #evaluatedBytes = 0
  #questions = 0
  /** Bytes of all bodies. */
  bytes = 0

  /** `compile` throws a ReplyError for invalid Lua. */
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
    // A SHA-1 in the usual lower case is found without making a string: 40 characters would cost as
    // much as a small command.
    const known = this.#byDigits.get(source.view.getInt32(start))
    if (known !== undefined && equalBytes(known.shaBytes, 0, source, start, SHA_LENGTH)) return this.#used(known)
    const script = this.#bySha.get(sha.toString().toLowerCase())
    return script === undefined ? undefined : this.#used(script)
  }

  #used(script: Script): Script {
    script.usedAt = ++this.#questions
    return script
  }

  /** Returns the script of a body, and compiles a new one. Throws ReplyError. */
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
    // A script that was not among the candidates.
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

  /** Evicts scripts of EVAL down to the limits. The newest stays. */
  #forgetUnused(): void {
    const evaluated = this.#evaluated
    while (evaluated.size > EVALUATED_COUNT_MAX || (this.#evaluatedBytes > EVALUATED_BYTES_MAX && evaluated.size > 1)) {
      let oldest: Script | undefined
      for (const script of evaluated) if (oldest === undefined || script.usedAt < oldest.usedAt) oldest = script
      assert(oldest !== undefined, 'a full cache has a script')
      this.#forget(oldest)
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

/**
 * Returns a hash of the body's length and of bytes sampled all over it. Equal bodies have equal
 * hashes.
 */
function sample(body: Bytes): number {
  const { length, start } = body
  const { u8 } = body.source
  const stride = length / SAMPLES
  let hash = length
  for (let i = 0; i < SAMPLES; i++) hash = (Math.imul(hash, 31) + byteAt(u8, start + Math.floor(i * stride))) | 0
  // Scripts of one template often differ at their ends.
  if (length > 0) hash = (Math.imul(hash, 31) + byteAt(u8, start + length - 1)) | 0
  return hash
}
