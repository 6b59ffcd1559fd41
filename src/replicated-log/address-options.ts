// The options in the address of a log or of a snapshot store: `name=value&name=value`, after the
// question mark.

import { parseMemory } from '../config/config-kinds.ts'

/** An address in the configuration that cannot be understood. */
export class AddressError extends Error {
  override name = 'AddressError'
}

/** Undoes percent-encoding. Throws AddressError. */
export function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new AddressError('a % in it must be followed by two hexadecimal digits')
  }
}

/**
 * The options of an address. Each is asked for once; `end` rejects those that were never asked for.
 */
export class AddressOptions {
  readonly #values = new Map<string, string>()

  constructor(query: string) {
    for (const part of query === '' ? [] : query.split('&')) {
      const [name = '', value] = part.split('=', 2)
      if (value === undefined) throw new AddressError(`'${part}' is not an option: write name=value`)
      if (this.#values.has(name)) throw new AddressError(`'${name}' is given twice`)
      this.#values.set(name, decoded(value))
    }
  }

  text(name: string): string | undefined {
    const value = this.#values.get(name)
    this.#values.delete(name)
    return value
  }

  /** Returns one of the given words; the first of them when the option is absent. */
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
    if (bytes === undefined || bytes <= 0) throw new AddressError(`'${name}' must be a number of bytes, such as 10gb`)
    return bytes
  }

  end(): void {
    const [unknown] = this.#values.keys()
    if (unknown !== undefined) throw new AddressError(`it has no option '${unknown}'`)
  }
}
