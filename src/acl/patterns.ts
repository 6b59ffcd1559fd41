// The patterns of keys and channels in ACL rules.

import { assert } from '../util/assert.ts'
import type { Bytes } from '../util/bytes/bytes.ts'
import { Glob } from '../util/bytes/glob.ts'

/** Bits for access to a key: granted by a pattern, or needed by a command. */
export const READ = 1
export const WRITE = 2

/** A glob. It is compiled at its first use, because many defined users never connect. */
export class AccessPattern {
  readonly text: string
  /** For keys: READ, WRITE or both. */
  readonly access: number
  /**
   * The prefix of a pattern whose only special character is a star at the end. Most patterns are
   * like this.
   */
  readonly #prefix: Uint8Array | undefined
  #glob: Glob | undefined = undefined

  constructor(text: string, access = READ | WRITE) {
    this.text = text
    this.access = access
    this.#prefix = /^[^*?[\\]+\*$/.test(text) ? Uint8Array.from(Buffer.from(text.slice(0, -1), 'latin1')) : undefined
  }

  matches(name: Bytes): boolean {
    const prefix = this.#prefix
    if (prefix !== undefined) return beginsWith(name, prefix)
    this.#glob ??= new Glob(this.text)
    return this.#glob.matchesBytes(name)
  }

  matchesText(name: string): boolean {
    this.#glob ??= new Glob(this.text)
    return this.#glob.matches(name)
  }
}

function beginsWith({ length, source, start }: Bytes, prefix: Uint8Array): boolean {
  if (length < prefix.length) return false
  const { u8 } = source
  for (let i = 0; i < prefix.length; i++) if (u8[start + i] !== prefix[i]) return false
  return true
}

/** Patterns in order of arrival, each once. */
export class PatternList {
  readonly #patterns: AccessPattern[] = []
  /** Text → index, because a user may have a hundred thousand patterns. */
  readonly #indices = new Map<string, number>()

  get all(): readonly AccessPattern[] {
    return this.#patterns
  }

  /** Adds a pattern. If the text is present, its access is extended. */
  add(text: string, access?: number): void {
    const pattern = new AccessPattern(text, access)
    const index = this.#indices.get(text)
    if (index !== undefined) {
      const known = this.#patterns[index]
      assert(known?.text === text, 'the index of a pattern leads to it')
      this.#patterns[index] = new AccessPattern(text, known.access | pattern.access)
      return
    }
    this.#indices.set(text, this.#patterns.length)
    this.#patterns.push(pattern)
  }

  has(text: string): boolean {
    return this.#indices.has(text)
  }

  copy(): PatternList {
    const copy = new PatternList()
    for (const pattern of this.#patterns) {
      copy.#indices.set(pattern.text, copy.#patterns.length)
      copy.#patterns.push(pattern)
    }
    return copy
  }
}

/** Returns the rule that grants a pattern: `~k*`, `%R~k*`. */
export function keyRule({ access, text }: AccessPattern): string {
  if (access === (READ | WRITE)) return `~${text}`
  return access === READ ? `%R~${text}` : `%W~${text}`
}
