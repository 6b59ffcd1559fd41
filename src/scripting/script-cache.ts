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

export interface Script {
  readonly sha: string
  readonly body: Source
  readonly main: LuaFunction
  /** Bits SCRIPT_…. */
  readonly flags: number
}

/** Bytes of a body that are looked at to tell it from others of its length. */
const SAMPLES = 32

export class ScriptCache {
  readonly #bySha = new Map<string, Script>()
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
  find(sha: string): Script | undefined {
    return this.#bySha.get(sha) ?? (sha.length === 40 ? this.#bySha.get(sha.toLowerCase()) : undefined)
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
    const { flags, start } = readScriptShebang(source)
    const main = this.#compile(source.slice(start))
    const script = { sha: sha1(source), body: new Source(body.toBuffer()), main, flags }
    this.#bySha.set(script.sha, script)
    this.bytes += body.length
    if (candidates === undefined) this.#byBody.set(key, [script])
    else candidates.push(script)
    return script
  }

  /** Forgets every script. */
  clear(): void {
    this.#bySha.clear()
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
