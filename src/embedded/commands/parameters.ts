// The arguments of a command, as a program says them. Required ones are parameters, in the order of
// the spec. Optional ones are fields of an object: by their word in upper case (`EX`), or by their
// name where they have no word (`count`).
//
//   SET key value [NX | XX] [GET] [EX seconds | …]      set(key, value, { NX: true, EX: 10 })
//   HSET key field value [field value …]                hset(key, { field: value })
//   ZUNION numkeys key [key …] [WEIGHTS weight …]       zunion([key, key], { WEIGHTS: [1, 2] })
//
// The methods (`methods.ts`) and their types (scripts/typed-commands.ts) are both made of this.

import type { ArgSpec } from '../../engine/spec/command-spec.ts'
import { itemAt } from '../../util/array-reads.ts'

/** One part of a request, in its order. */
export type Part =
  /** A fixed word. */
  | { readonly kind: 'token'; readonly token: string }
  /** The number of words in the next part. */
  | { readonly kind: 'count'; readonly of: Part }
  /** One word, or several; `choices` are the possible words. */
  | ({
      readonly kind: 'value'
      readonly isMultiple: boolean
      readonly repeatsToken: boolean
      readonly choices: readonly string[]
    } & Named)
  /** A word that is present if the option is true. */
  | ({ readonly kind: 'flag' } & Named)
  /** Several words that belong together. */
  | ({ readonly kind: 'tuple'; readonly names: readonly string[] } & Named)
  /** A repeated row of words, such as a field and its value. */
  | ({ readonly kind: 'rows'; readonly names: readonly string[] } & Named)
  /** The words as the command takes them, for arguments that have no simpler form. */
  | ({ readonly kind: 'words' } & Named)

/** A part that a program gives. */
export type SaidPart = Extract<Part, { isOption: boolean }>

interface Named {
  /** The name of a parameter, or of an option. */
  readonly name: string
  /** The word before it. */
  readonly token: string | undefined
  readonly isOption: boolean
}

const PLAIN: readonly string[] = ['key', 'string', 'integer', 'double', 'unix-time', 'pattern']

/** Makes the parts of a request from a command's arguments. */
export function partsOf(args: readonly ArgSpec[]): Part[] {
  return args.length === 0 ? [] : inOrder(args, false)
}

function inOrder(args: readonly ArgSpec[], isOption: boolean): Part[] {
  const parts: Part[] = []
  for (const [i, arg] of args.entries()) {
    const next = args[i + 1]
    // The count is known when the next part is.
    if (arg.type === 'integer' && arg.name.startsWith('num') && next?.multiple === true) {
      const counted = partsOfOne(next, isOption || next.optional === true)
      parts.push({ kind: 'count', of: itemAt(counted, 0) }, ...counted)
    } else if (!isCounted(args, i)) parts.push(...partsOfOne(arg, isOption || arg.optional === true))
  }
  return parts
}

/** Returns true if an argument follows a count of its words. */
function isCounted(args: readonly ArgSpec[], i: number): boolean {
  const before = args[i - 1]
  return before?.type === 'integer' && before.name.startsWith('num') && args[i]?.multiple === true
}

function partsOfOne(arg: ArgSpec, isOption: boolean): Part[] {
  const { args = [], multiple = false, multipleToken = false, token, type } = arg
  const named: Named = { name: token !== undefined && isOption ? token : camelCase(arg.name), token, isOption }
  if (type === 'pure-token') {
    const word = token ?? arg.name.toUpperCase()
    return isOption ? [{ kind: 'flag', ...named }] : [{ kind: 'token', token: word }]
  }
  if (PLAIN.includes(type)) {
    return [{ kind: 'value', ...named, isMultiple: multiple, repeatsToken: multipleToken, choices: [] }]
  }
  if (type === 'oneof') return partsOfChoice(arg, named)
  if (multiple)
    return [
      args.every(isPlain)
        ? { kind: 'rows', names: args.map(({ name }) => name), ...named }
        : { kind: 'words', ...named },
    ]
  if (!isOption) return [...tokenPart(token), ...inOrder(args, false)]
  if (token === undefined) return inOrder(args, true)
  return [
    args.every(isPlain)
      ? { kind: 'tuple', names: args.map(({ name }) => name), ...named }
      : { kind: 'words', ...named },
  ]
}

function partsOfChoice({ args = [], multiple, token }: ArgSpec, named: Named): Part[] {
  if (multiple === true) return [{ kind: 'words', ...named }]
  const areTokens = args.every(({ type }) => type === 'pure-token')
  if (areTokens && (token !== undefined || !named.isOption)) {
    const choices = args.map(({ token: word = '' }) => word)
    return [{ kind: 'value', ...named, isMultiple: false, repeatsToken: false, choices }]
  }
  // `*` or an id: one word in any case.
  const isOneWord = args.every((arg) => isPlain(arg) || arg.type === 'pure-token')
  if (isOneWord && !named.isOption) {
    return [{ kind: 'value', ...named, isMultiple: false, repeatsToken: false, choices: [] }]
  }
  return [...(named.isOption ? [] : tokenPart(token)), ...args.flatMap((arg) => partsOfOne(arg, true))]
}

function tokenPart(token: string | undefined): Part[] {
  return token === undefined ? [] : [{ kind: 'token', token }]
}

function isPlain({ multiple, optional, token, type }: ArgSpec): boolean {
  return PLAIN.includes(type) && token === undefined && multiple !== true && optional !== true
}

/** `old-format` → oldFormat. */
export function camelCase(name: string): string {
  return name.replace(/[^a-z0-9]+([a-z0-9])/gi, (_, letter: string) => letter.toUpperCase())
}

/** The method that runs a command: `config|get` → configGet. */
export function methodOf(command: string): string {
  return camelCase(command.replace(/[|_-]/g, ' '))
}

/** The parts that are parameters, in the order in which a program gives them. */
export function parametersOf(parts: readonly Part[]): SaidPart[] {
  return parts.filter(isSaid).filter(({ isOption }) => !isOption)
}

export function optionsOf(parts: readonly Part[]): SaidPart[] {
  return parts.filter(isSaid).filter(({ isOption }) => isOption)
}

function isSaid(part: Part): part is SaidPart {
  return 'isOption' in part
}
