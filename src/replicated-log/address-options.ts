// What follows the question mark in the address of a log or of a store of snapshots: `name=value&name=value`.

import { parseMemory } from '../config/config-kinds.ts'

/** An address in the configuration is not understood. */
export class AddressError extends Error {
  override name = 'AddressError'
}

/** Undoes percent-encoding. Throws AddressError. */
export function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new AddressError('what follows a % in it are two hexadecimal digits')
  }
}

/** What follows the question mark; each is asked for once, and `end` finds those that nobody has asked for. */
export class AddressOptions {
  readonly #values = new Map<string, string>()

  constructor(query: string) {
    for (const part of query === '' ? [] : query.split('&')) {
      const [name = '', value] = part.split('=', 2)
      if (value === undefined) throw new AddressError(`'${part}' is no option: it is written name=value`)
      if (this.#values.has(name)) throw new AddressError(`'${name}' is said twice`)
      this.#values.set(name, decoded(value))
    }
  }

  text(name: string): string | undefined {
    const value = this.#values.get(name)
    this.#values.delete(name)
    return value
  }

  /** One of some words; the first where nothing is said. */
  oneOf<Word extends string>(name: string, words: readonly [Word, ...Word[]]): Word {
    const value = this.text(name)
    if (value === undefined) return words[0]
    const word = words.find((known) => known === value)
    if (word === undefined) throw new AddressError(`'${name}' is one of ${words.join(', ')}`)
    return word
  }

  bytes(name: string, otherwise: number): number {
    const value = this.text(name)
    if (value === undefined) return otherwise
    const bytes = parseMemory(value)
    if (bytes === undefined || bytes <= 0) throw new AddressError(`'${name}' is a number of bytes, as 10gb`)
    return bytes
  }

  end(): void {
    const [unknown] = this.#values.keys()
    if (unknown !== undefined) throw new AddressError(`it has no option '${unknown}'`)
  }
}
