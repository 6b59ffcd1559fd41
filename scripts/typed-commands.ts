// Writes the types of a broker's `commands`: a method for each command, made of its spec. npm run docs.

import { catalog } from '../src/commands/catalog.ts'
import { methodOf, optionsOf, type Part, parametersOf, partsOf } from '../src/embedded/commands/parameters.ts'
import type { Command } from '../src/engine/spec/command.ts'
import { CommandTable } from '../src/engine/spec/command-table.ts'

const PATH = 'src/embedded/commands/typed-commands.ts'

/** What some commands reply, where their specs' words leave it open. `S` is a string or bytes. */
const REPLIES: Readonly<Record<string, string>> = {
  set: 'string | S | null',
  getset: 'S | null',
  getdel: 'S | null',
  getex: 'S | null',
  mget: '(S | null)[]',
  keys: 'S[]',
  lrange: 'S[]',
  lpop: 'S | S[] | null',
  rpop: 'S | S[] | null',
  blpop: '[S, S] | null',
  brpop: '[S, S] | null',
  smembers: 'Set<S>',
  sinter: 'Set<S>',
  sunion: 'Set<S>',
  sdiff: 'Set<S>',
  smismember: 'number[]',
  spop: 'S | Set<S> | null',
  srandmember: 'S | S[] | null',
  hgetall: 'Map<S, S>',
  hkeys: 'S[]',
  hvals: 'S[]',
  hmget: '(S | null)[]',
  hrandfield: 'S | CommandReply<S>[] | null',
  zadd: 'number | null',
  zscore: 'number | null',
  zmscore: '(number | null)[]',
  zrank: 'number | CommandReply<S>[] | null',
  zrevrank: 'number | CommandReply<S>[] | null',
  zincrby: 'number',
  scan: '[cursor: S, keys: S[]]',
  sscan: '[cursor: S, members: S[]]',
  hscan: '[cursor: S, fields: S[]]',
  zscan: '[cursor: S, members: S[]]',
  xadd: 'S | null',
  ping: 'string | S',
  publish: 'number | S',
  spublish: 'number | S',
  time: '[seconds: S, microseconds: S]',
}

const HEAD = `// Written by scripts/typed-commands.ts (npm run docs) of the commands' specs. Changes here are lost.

import type { Word } from '../argument-checks.ts'
import type { CommandReply } from '../caller.ts'

/** How a reply is told: as a promise, or at once. */
export type Telling = 'promised' | 'at-once'
/** A reply as it is told. */
export type Told<T extends Telling, R> = T extends 'promised' ? Promise<R> : R
/** One word, or several. */
export type Words = Word | readonly Word[]
/** Two words each, such as fields and values: an object, a Map, or rows. For members with scores: member to score, or rows of score, member. */
export type Pairs = Readonly<Record<string, Word>> | ReadonlyMap<Word, Word> | readonly (readonly Word[])[]

`

export function typedCommands(): [path: string, text: string] {
  const table = new CommandTable(catalog)
  const methods = [...table.all()].filter(isMethod).map(methodText)
  const summary = '/** Every command as a method. `S` is what strings of replies are, `T` how replies are told. */'
  return [PATH, `${HEAD}${summary}\nexport interface TypedCommands<S, T extends Telling> {\n${methods.join('\n')}}\n`]
}

/** Commands whose calls have one reply and leave the connection as it is. */
function isMethod({ run, spec }: Command): boolean {
  return run !== undefined && spec.changesConnection === undefined
}

function methodText(command: Command): string {
  const parts = partsOf(command.spec.args ?? [])
  const parameters = parametersOf(parts).map((part) => `${variableOf(part.name)}: ${typeOf(part)}`)
  const options = optionsOf(parts)
  if (options.length > 0) parameters.push(`options?: ${optionsText(options)}`)
  return `${commentOf(command)}  ${methodOf(command.name)}(${parameters.join(', ')}): Told<T, ${replyOf(command)}>\n`
}

function optionsText(options: readonly ReturnType<typeof optionsOf>[number][]): string {
  const fields = new Map(options.map((part) => [part.name, `${propertyOf(part.name)}?: ${typeOf(part)}`]))
  return `{ ${[...fields.values()].join('; ')} }`
}

function variableOf(name: string): string {
  return name === 'function' ? 'name' : name
}

function propertyOf(name: string): string {
  return /^[A-Za-z_]\w*$/.test(name) ? name : `'${name}'`
}

function typeOf(part: Part): string {
  switch (part.kind) {
    case 'flag':
      return 'boolean'
    case 'tuple':
      return `readonly [${part.names.map((name) => `${propertyOf(name).replace(/\W/g, '')}: Word`).join(', ')}]`
    case 'rows':
      return part.names.length === 2 ? 'Pairs' : 'readonly (readonly Word[])[]'
    case 'words':
      return 'readonly Word[]'
    case 'value':
      if (part.choices.length > 0) return part.choices.map((choice) => `'${choice}'`).join(' | ')
      return part.isMultiple ? 'Words' : 'Word'
    default:
      return 'never'
  }
}

function commentOf({ spec }: Command): string {
  const lines = [spec.summary]
  if (spec.reply !== undefined) lines.push('', `Reply: ${spec.reply.replace(/^any\b/, 'a value')}.`)
  if (spec.deprecated !== undefined) lines.push('', `@deprecated ${spec.deprecated.instead}`)
  const text = lines
    .flatMap((line) => wrapped(line.replaceAll('*/', '* /')))
    .map((line) => `   *${line === '' ? '' : ` ${line}`}\n`)
    .join('')
  return `  /**\n${text}   */\n`
}

/** The most characters of a line of comment: up to column 100, behind the indented star. */
const COMMENT_WIDTH = 95

/** Breaks a text into lines that fit. */
function wrapped(text: string): string[] {
  const lines: string[] = []
  let line = ''
  for (const word of text.split(' ')) {
    if (line !== '' && line.length + 1 + word.length > COMMENT_WIDTH) {
      lines.push(line)
      line = word
    } else line = line === '' ? word : `${line} ${word}`
  }
  return [...lines, line]
}

function replyOf({ name, spec }: Command): string {
  const known = REPLIES[name]
  if (known !== undefined) return known
  const reply = spec.reply ?? ''
  const isMixed = /\bwith(out)?\b|\bor\b|;/.test(reply.replace(/; nil\b/, ''))
  const orNull = /\bnil\b/.test(reply) ? ' | null' : ''
  if (/^integer\b/.test(reply) && !isMixed) return `${/incr|decr/.test(name) ? 'number | bigint' : 'number'}${orNull}`
  if (/^(bulk string|text)\b/.test(reply) && !isMixed) return 'S | null'
  if (/^(OK|status)\b/.test(reply) && !isMixed) return `string${orNull}`
  if (/^double\b/.test(reply) && !isMixed) return `number${orNull}`
  if (/^verbatim\b/.test(reply) && !isMixed) return 'S'
  return 'CommandReply<S>'
}
