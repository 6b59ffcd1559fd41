// The kinds of settings: how a text becomes a value and a value a text again.
//
// A kind is made once for each row of the table (config-table.ts). What a kind
// refuses, and in which words, is Redis's: tools show these sentences to people.

import { INT64_MAX, narrow } from '../util/numbers.ts'

/** A setting that cannot be taken; `message` is what Redis appends after the option's name. */
export class ConfigError extends Error {
  /** The option that was refused, where several were given at once. */
  option: string | undefined = undefined
}

export interface ConfigRow<T> {
  readonly kind: string
  readonly default: T
  /** CONFIG SET may change it. */
  readonly mutable: boolean
  readonly doc: string
  /** An older name of the same setting; CONFIG GET shows both. */
  readonly alias?: string
  /** CONFIG SET needs `enable-protected-configs`. */
  readonly protected?: true
  /** Nothing here depends on it yet. */
  readonly inert?: true
  /** Several words make one value (`save 60 100`): they are joined by blanks. */
  readonly words?: true
  /** Several lines of a config file, and then of the command line, make one value; an empty one begins it anew. */
  readonly lines?: true
  /** What CONFIG REWRITE writes, default or not: so many lines. Without this it is one, in the place of those that say something else. */
  linesOf?(value: T): readonly string[]
  /** Reads a text; throws ConfigError. */
  parse(text: string, current: T): T
  format(value: T): string
}

export interface RowOptions {
  doc: string
  immutable?: true
  alias?: string
  protected?: true
  inert?: true
  words?: true
  lines?: true
}

type RowBase = Omit<ConfigRow<never>, 'kind' | 'default' | 'parse' | 'format'>

/** The part of a row that does not depend on its kind. */
export function base(options: RowOptions): RowBase {
  const { doc, immutable, ...rest } = options
  return {
    ...rest,
    mutable: immutable !== true,
    doc: rest.inert ? `${doc} Accepted for compatibility: nothing depends on it yet.` : doc,
  }
}

export function yesNo(value: boolean, options: RowOptions): ConfigRow<boolean> {
  return {
    ...base(options),
    kind: 'yes | no',
    default: value,
    parse(text) {
      const lower = text.toLowerCase()
      if (lower !== 'yes' && lower !== 'no') throw new ConfigError("argument must be 'yes' or 'no'")
      return lower === 'yes'
    },
    format: (v) => (v ? 'yes' : 'no'),
  }
}

/** A bound that is printed exactly, although values are numbers. */
export type Bound = number | bigint

export function integer(value: number, min: Bound, max: Bound, options: RowOptions): ConfigRow<number> {
  return {
    ...base(options),
    kind: `integer, ${min} to ${max}`,
    default: value,
    parse(text) {
      if (!/^(0|-?[1-9]\d{0,18})$/.test(text) || narrow(BigInt(text)) === undefined) {
        throw new ConfigError("argument couldn't be parsed into an integer")
      }
      return inRange(text, min, max)
    },
    format: formatInteger,
  }
}

/** Bytes, with Redis's units: 1k = 1000, 1kb = 1024, … */
export function memory(value: number, min: Bound, max: Bound, options: RowOptions): ConfigRow<number> {
  return {
    ...base(options),
    kind: 'bytes',
    default: value,
    parse(text) {
      const bytes = parseMemory(text)
      if (bytes === undefined) throw new ConfigError('argument must be a memory value')
      return inRange(bytes, min, max)
    },
    format: formatInteger,
  }
}

/** File permissions, written in octal. */
export function octal(value: number, max: number, options: RowOptions): ConfigRow<number> {
  return {
    ...base(options),
    kind: 'octal number',
    default: value,
    parse(text) {
      if (!/^[0-7]{1,6}$/.test(text)) throw new ConfigError("argument couldn't be parsed as an octal number")
      const number = Number.parseInt(text, 8)
      if (number > max) throw new ConfigError(`argument must be between 0 and ${max.toString(8)} inclusive`)
      return number
    },
    format: (v) => v.toString(8),
  }
}

/** One word out of a few. */
export function oneOf<const Choices extends readonly string[]>(
  choices: Choices,
  value: Choices[number],
  options: RowOptions,
): ConfigRow<Choices[number]> {
  return {
    ...base(options),
    kind: choices.join(' | '),
    default: value,
    parse(text) {
      const lower = text.toLowerCase()
      if (!choices.includes(lower)) {
        throw new ConfigError(`argument(s) must be one of the following: ${choices.join(', ')}`)
      }
      return lower
    },
    format: String,
  }
}

/** Any text; `check` returns why one cannot be taken. */
export function text(
  value: string,
  options: RowOptions,
  check?: (text: string) => string | undefined,
): ConfigRow<string> {
  return {
    ...base(options),
    kind: 'text',
    default: value,
    parse(t) {
      const reason = check?.(t)
      if (reason !== undefined) throw new ConfigError(reason)
      return t
    },
    format: (v) => v,
  }
}

/** Numbers separated by blanks. */
export function numbers(
  value: readonly number[],
  options: RowOptions,
  check: (texts: readonly string[]) => string | undefined,
): ConfigRow<readonly number[]> {
  return {
    ...base({ ...options, words: true }),
    kind: 'numbers',
    default: value,
    parse(t) {
      const texts = splitWords(t)
      const reason = check(texts)
      if (reason !== undefined) throw new ConfigError(reason)
      return texts.map(Number)
    },
    format: (v) => v.join(' '),
  }
}

/** Reads Redis's memory units; undefined when the text is no memory value. */
export function parseMemory(value: string): number | undefined {
  const match = /^(\d{0,127})(b|k|kb|m|mb|g|gb)?$/i.exec(value)
  if (match === null) return undefined
  return Number(match[1]) * MEMORY_UNITS[(match[2] ?? 'b').toLowerCase() as keyof typeof MEMORY_UNITS]
}

const MEMORY_UNITS = { b: 1, k: 1000, kb: 1024, m: 1e6, mb: 1024 ** 2, g: 1e9, gb: 1024 ** 3 }

/** Splits at blanks; no empty words. */
export function splitWords(text: string): string[] {
  return text.split(/[ \t\r\n]+/).filter((word) => word !== '')
}

function inRange(value: string | number, min: Bound, max: Bound): number {
  const number = Number(value)
  // Beyond 2^53 only the text itself knows on which side of the bound it is.
  const exact = typeof value === 'string' && !Number.isSafeInteger(number) ? BigInt(value) : number
  if (exact < min || exact > max) throw new ConfigError(`argument must be between ${min} and ${max} inclusive`)
  return number
}

/** Prints an integer; one that was rounded up past int64 as int64's end, which is what was meant. */
function formatInteger(value: number): string {
  if (Number.isSafeInteger(value)) return String(value)
  return value >= Number(INT64_MAX) ? String(INT64_MAX) : String(BigInt(Math.trunc(value)))
}
