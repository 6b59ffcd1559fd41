// The kinds of settings: how a text becomes a value and a value a text again.
//
// A kind is made once for each row of the table (config-table.ts). Refusals and their words are
// Redis's: tools show these sentences to people.

import { itemAt } from '../util/array-reads.ts'
import { quoted } from '../util/bytes/quoted.ts'
import { INT64_MAX, narrow } from '../util/numbers/numbers.ts'
import { OptionError } from '../util/option-error.ts'
import { durationMs, durationText } from '../util/time/duration.ts'

/** A setting that is refused; `message` is the text that Redis appends to the option's name. */
export class ConfigError extends OptionError {
  /** The option that was refused, where several were given at once. */
  option: string | undefined = undefined
}

export interface ConfigRow<T> {
  readonly kind: string
  readonly default: T
  /** CONFIG SET may change it. */
  readonly mutable: boolean
  readonly doc: string
  /**
   * No redis-server has it. CONFIG SET accepts its present value even where it may not change it:
   * so every setting that CONFIG GET shows can be set.
   */
  readonly ours?: true
  /** An older name of the same setting; CONFIG GET shows both. */
  readonly alias?: string
  /** CONFIG SET needs `enable-protected-configs`. */
  readonly protected?: true
  /** CONFIG SET waits for the data to be loaded. */
  readonly notWhileLoading?: true
  /**
   * Nothing here depends on it (yet). It is accepted, checked, shown and written back, and the log
   * says once that it has no effect.
   */
  readonly inert?: true
  /** CONFIG GET shows it when it is asked for by its whole name, not by a pattern. */
  readonly hidden?: true
  /** Its value is secret: it stays out of the log and the process title. */
  readonly secret?: true
  /** Several words make one value (`save 60 100`): they are joined by blanks. */
  readonly words?: true
  /**
   * Several lines of a config file, and then of the command line, make one value; an empty line
   * starts the value over.
   */
  readonly lines?: true
  /** CONFIG REWRITE writes it even where it is the default. */
  readonly alwaysWritten?: true
  /** The default that the documentation shows, where that depends on where the program runs. */
  readonly defaultShown?: string
  /** Reads a text; throws ConfigError. */
  parse(text: string, current: T): T
  format(value: T): string
  /**
   * Returns the texts that CONFIG REWRITE puts behind the name, one line each. Default: one, as
   * `format` prints it. None = it is not set.
   */
  linesOf?(value: T): readonly string[]
}

export interface RowOptions {
  doc: string
  immutable?: true
  ours?: true
  alias?: string
  protected?: true
  notWhileLoading?: true
  inert?: true
  hidden?: true
  secret?: true
  words?: true
  lines?: true
}

type RowBase = Omit<ConfigRow<never>, 'kind' | 'default' | 'parse' | 'format' | 'linesOf'>

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

export const UINT64_MAX = 18446744073709551615n

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
      return inRange(BigInt(text), min, max)
    },
    format: (v) => formatInteger(v, max),
  }
}

/** Bytes, with Redis's units: 1k = 1000, 1kb = 1024, … */
export function memory(value: number, min: Bound, max: Bound, options: RowOptions): ConfigRow<number> {
  return {
    ...base(options),
    kind: 'bytes',
    default: value,
    parse(text) {
      const bytes = readMemory(text)
      if (bytes === undefined) throw new ConfigError('argument must be a memory value')
      return inRange(bytes, min, max)
    },
    format: (v) => formatInteger(v, max),
    linesOf: (v) => [formatMemory(v, max)],
  }
}

/** A length of time such as `10s`, in milliseconds; 0 = none, which is written `0`. */
export function duration(value: number, options: RowOptions): ConfigRow<number> {
  return {
    ...base(options),
    kind: 'duration, or 0',
    default: value,
    parse(text) {
      const ms = text === '0' ? 0 : durationMs(text)
      if (ms === undefined) throw new ConfigError('argument must be a duration such as 500ms, 10s or 1m, or 0')
      return ms
    },
    format: (v) => (v === 0 ? '0' : durationText(v)),
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

/**
 * One word out of a few. Of words that mean the same (`same`: word → the word it stands for) one is
 * shown.
 */
export function oneOf<const Choices extends readonly string[]>(
  choices: Choices,
  value: Choices[number],
  options: RowOptions,
  same: Readonly<Record<string, Choices[number]>> = {},
): ConfigRow<Choices[number]> {
  return {
    ...base(options),
    kind: choices.join(' | '),
    default: value,
    parse(text) {
      const lower = text.toLowerCase()
      const choice = choices.find((known) => known.toLowerCase() === lower)
      if (choice === undefined) {
        throw new ConfigError(`argument(s) must be one of the following: ${choices.join(', ')}`)
      }
      return same[choice] ?? choice
    },
    format: String,
  }
}

/** Any text; `check` returns the reason why a text is refused. */
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
    linesOf: (v) => [options.words ? v : quoted(v)],
  }
}

/** A text that is not set when it is empty: CONFIG REWRITE writes no line then. */
export function optionalText(options: RowOptions, check?: (text: string) => string | undefined): ConfigRow<string> {
  return { ...text('', options, check), linesOf: (v) => (v === '' ? [] : [quoted(v)]) }
}

/** Numbers separated by single blanks; `check` returns the reason why some are refused. */
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
      const texts = t === '' ? [] : t.split(' ')
      const reason = check(texts)
      if (reason !== undefined) throw new ConfigError(reason)
      return texts.map(Number)
    },
    format: (v) => v.join(' '),
  }
}

/** Reads Redis's memory units; undefined when the text is no memory value. */
export function parseMemory(value: string): number | undefined {
  const bytes = readMemory(value)
  return bytes === undefined ? undefined : Number(bytes)
}

function readMemory(value: string): bigint | undefined {
  const match = /^(\d{0,127})(b|k|kb|m|mb|g|gb)?$/i.exec(value)
  if (match === null) return undefined
  const unit = MEMORY_UNITS[(match[2] ?? 'b').toLowerCase() as keyof typeof MEMORY_UNITS]
  const digits = BigInt(itemAt(match, 1))
  // Redis's number has 64 bits: more digits stand for its largest number.
  return (digits > UINT64_MAX ? UINT64_MAX : digits) * BigInt(unit)
}

const MEMORY_UNITS = { b: 1, k: 1000, kb: 1024, m: 1e6, mb: 1024 ** 2, g: 1e9, gb: 1024 ** 3 }

/** Prints bytes with the largest unit that divides them, as CONFIG REWRITE does. */
export function formatMemory(bytes: number, max: Bound = INT64_MAX): string {
  const exact = BigInt(formatInteger(bytes, max))
  for (const unit of ['gb', 'mb', 'kb'] as const) {
    const size = BigInt(MEMORY_UNITS[unit])
    if (exact > 0n && exact % size === 0n) return `${exact / size}${unit}`
  }
  return String(exact)
}

/** Quotes a word where it needs it. */
export function quoteWhereNeeded(word: string): string {
  return /^[!-~]+$/.test(word) && !/["'\\#]/.test(word) ? word : quoted(word)
}

/** Splits at blanks; no empty words. */
export function splitWords(text: string): string[] {
  return text.split(/[ \t\r\n]+/).filter((word) => word !== '')
}

/** Beyond 2^53 only the exact number tells on which side of the bound it is. */
function inRange(exact: bigint, min: Bound, max: Bound): number {
  if (exact < min || exact > max) throw new ConfigError(`argument must be between ${min} and ${max} inclusive`)
  return Number(exact)
}

/** Prints an integer; one that was rounded up past the largest is printed as the largest. */
function formatInteger(value: number, max: Bound): string {
  if (Number.isSafeInteger(value)) return String(value)
  const exact = BigInt(Math.min(value, Number(UINT64_MAX)))
  const most = max === Number.POSITIVE_INFINITY ? UINT64_MAX : BigInt(max)
  return String(exact > most ? most : exact)
}
