// Makes the words of a request from a program's parameters and its object of options.

import { nearestName } from '../../util/bytes/nearest-name.ts'
import { OptionError } from '../../util/option-error.ts'
import { checkWord, described, type Word } from '../argument-checks.ts'
import { optionsOf, type Part, parametersOf, type SaidPart } from './parameters.ts'

export class RequestWords {
  readonly #method: string
  readonly #parts: readonly Part[]
  readonly #parameters: readonly SaidPart[]
  readonly #options: readonly SaidPart[]
  /** True if each parameter is one word and the request has nothing else. */
  readonly #isPlain: boolean

  constructor(method: string, parts: readonly Part[]) {
    this.#method = `${method}()`
    this.#parts = parts
    this.#parameters = parametersOf(parts)
    this.#options = optionsOf(parts)
    this.#isPlain =
      this.#parameters.every((part) => part.kind === 'value' && !part.isMultiple && part.token === undefined) &&
      !parts.some((part) => part.kind === 'token' || part.kind === 'count')
  }

  /**
   * Returns the words behind the command's name. Throws TypeError, and OptionError for an unknown
   * option.
   */
  of(values: readonly unknown[]): readonly Word[] {
    const count = this.#parameters.length
    if (this.#isPlain && values.length === count) {
      for (let i = 0; i < count; i++) this.#check(i, values[i])
      return values as readonly Word[]
    }
    const options = this.#optionsIn(values)
    const said = new Map<Part, unknown>()
    for (const [i, part] of this.#parameters.entries()) {
      if (values[i] === undefined) throw new TypeError(`${this.#method}: argument '${part.name}' is missing`)
      said.set(part, values[i])
    }
    for (const part of this.#options) if (options[part.name] !== undefined) said.set(part, options[part.name])
    const words: Word[] = []
    for (const part of this.#parts) this.#add(words, part, said)
    return words
  }

  #check(i: number, value: unknown): void {
    if (typeof value !== 'string') checkWord(this.#method, this.#parameters[i]?.name ?? '', value)
  }

  #optionsIn(values: readonly unknown[]): Readonly<Record<string, unknown>> {
    const given = values[this.#parameters.length]
    if (values.length > this.#parameters.length + 1) throw new TypeError(`${this.#method}: takes ${this.#arguments()}`)
    if (given === undefined) return {}
    if (typeof given !== 'object' || given === null || Array.isArray(given) || this.#options.length === 0) {
      throw new TypeError(
        `${this.#method}: takes ${this.#arguments()}; argument ${values.length} is ${described(given)}`,
      )
    }
    const names = this.#options.map(({ name }) => name)
    for (const name of Object.keys(given)) if (!names.includes(name)) throw unknownOption(this.#method, name, names)
    return given as Record<string, unknown>
  }

  #arguments(): string {
    const names = this.#parameters.map(({ name }) => name)
    return this.#options.length === 0 ? `(${names.join(', ')})` : `(${[...names, 'options'].join(', ')})`
  }

  #add(words: Word[], part: Part, said: ReadonlyMap<Part, unknown>): void {
    if (part.kind === 'token') {
      words.push(part.token)
      return
    }
    if (part.kind === 'count') {
      words.push(wordsIn(said.get(part.of) ?? []).length)
      return
    }
    const value = said.get(part)
    if (value === undefined || (part.kind === 'flag' && value === false)) return
    if (part.kind === 'flag') words.push(part.token ?? part.name)
    else if (part.kind === 'value' && part.repeatsToken) {
      for (const word of wordsIn(value)) words.push(part.token ?? '', this.#word(part, word))
    } else {
      if (part.token !== undefined) words.push(part.token)
      for (const word of part.kind === 'rows' ? rowsIn(value, part.names) : wordsIn(value))
        words.push(this.#word(part, word))
    }
  }

  #word(part: SaidPart, word: unknown): Word {
    checkWord(this.#method, part.name, word)
    return word as Word
  }
}

/** One word, or several in an array or a set. */
function wordsIn(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value
  return value instanceof Set ? [...value] : [value]
}

/** The words of rows: an array of them, or an object or Map of two words each. */
function rowsIn(value: unknown, names: readonly string[]): unknown[] {
  if (Array.isArray(value)) return value.flat()
  if (typeof value !== 'object' || value === null || names.length !== 2) return [value]
  const entries = value instanceof Map ? [...value] : Object.entries(value)
  // A program gives a member and its score; in the request the score comes first.
  return names[0] === 'score' ? entries.flatMap(([member, score]) => [score, member]) : entries.flat()
}

function unknownOption(method: string, name: string, known: readonly string[]): OptionError {
  const nearest = nearestName(name, [...known])
  const hint = nearest === undefined ? `there are ${known.join(', ')}` : `did you mean '${nearest}'?`
  return new OptionError(`${method}: unknown option '${name}': ${hint}`)
}
