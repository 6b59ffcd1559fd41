// The command table: what a command is, before anyone calls it.
//
// A spec is the only truth about a command. COMMAND and its subcommands, arity
// and ACL checks, key extraction for WATCH, scripts and cluster clients, and
// docs/commands.md are all made from it.

import type { Arguments } from '../protocol/arguments.ts'
import type { ReplyError } from '../protocol/errors.ts'
import type { Bytes } from '../util/bytes.ts'
import type { Call } from './call.ts'
import type { Client } from './client.ts'
import type { Engine } from './engine.ts'

export type Group =
  | 'string'
  | 'list'
  | 'hash'
  | 'set'
  | 'sorted-set'
  | 'stream'
  | 'pubsub'
  | 'generic'
  | 'connection'
  | 'server'
  | 'scripting'
  | 'transactions'
  | 'bitmap'
  | 'hyperloglog'
  | 'geo'

/** Redis's command flags, in the order COMMAND prints them. */
export const FLAGS = [
  'write',
  'readonly',
  'denyoom',
  'module',
  'admin',
  'pubsub',
  'noscript',
  'blocking',
  'loading',
  'stale',
  'skip_monitor',
  'skip_slowlog',
  'asking',
  'fast',
  'no_auth',
  'may_replicate',
  'no_mandatory_keys',
  'no_async_loading',
  'no_multi',
  'movablekeys',
  'allow_busy',
] as const
export type Flag = (typeof FLAGS)[number]

/** What a command does to the keys of one key spec. */
export type KeyUse = 'access' | 'update' | 'insert' | 'delete'

/** Where keys stand among the arguments. `first` counts from 1; negative `last` counts from the end, as COMMAND INFO does. */
export interface KeySpec {
  /** RW read and write, RO read only, OW overwrite, RM remove. */
  access: 'RW' | 'RO' | 'OW' | 'RM'
  /** One use or several: LPOP reads and deletes, `['access', 'delete']`. */
  use?: KeyUse | readonly KeyUse[]
  /** A range: first, first + step, … up to last. */
  first?: number
  last?: number
  step?: number
  /** Instead of a range: argument `count` holds how many keys follow, the first at `first`. */
  count?: number
  /** Instead: keys follow this word, searched from `from` on. */
  keyword?: { word: string; from: number; last: number; step: number; limit?: number }
  /** Instead: keys that only the command can find (SORT … GET pattern). */
  unknown?: true
  flags?: readonly ('not_key' | 'incomplete' | 'variable_flags')[]
}

/** One argument, as COMMAND DOCS describes it. */
export interface ArgSpec {
  name: string
  type: 'key' | 'string' | 'integer' | 'double' | 'unix-time' | 'pattern' | 'pure-token' | 'oneof' | 'block'
  token?: string
  optional?: boolean
  multiple?: boolean
  multipleToken?: boolean
  /** The version that brought it, if the command is older. */
  since?: string
  args?: readonly ArgSpec[]
}

/** What admission asks of a command, or of one call of it. */
export interface Claims {
  readonly isWrite: boolean
  readonly isDenyoom: boolean
  /** It may have effects elsewhere, as PUBLISH has. */
  readonly mayReplicate: boolean
}

export interface CommandSpec {
  /** Upper case. A subcommand bears its container's name too: `CONFIG GET`. */
  name: string
  summary: string
  group: Group
  since: string
  complexity?: string
  /** Words with the command's own name; negative = at least that many. A subcommand counts both of its words. */
  arity: number
  flags: readonly Flag[]
  /** ACL categories that neither group nor flags imply: `dangerous`, `keyspace`. */
  acl?: readonly string[]
  keys?: readonly KeySpec[]
  args?: readonly ArgSpec[]
  /** COMMAND INFO's tips: `nondeterministic_output`, `request_policy:all_shards`. */
  tips?: readonly string[]
  /** One line: the reply's shape. */
  reply?: string
  /** [version, what changed]. */
  history?: readonly (readonly [string, string])[]
  deprecated?: { since: string; instead: string }
  /** What one call may do where its arguments say more than the flags: a script declares it. Undefined: what the flags say. */
  declared?: (engine: Engine, args: Arguments) => Claims | undefined
  /** Refuses whom the configuration does not let use it; asked before anything else, the password included. */
  forbidden?: (engine: Engine, client: Client) => ReplyError | undefined
  /** Absent in a container (CONFIG): there only subcommands run. Synchronous: waiting is parking (invariant 1). */
  run?: (call: Call) => void
}

/** A spec made ready for dispatch. */
export interface Command extends Claims {
  readonly spec: CommandSpec
  /** Lower case; subcommands as `config|get`. */
  readonly name: string
  readonly arity: number
  readonly isReadonly: boolean
  /** Flags that every call of a script asks for: looking into the set cost 3 % of a job's script. */
  readonly isNoscript: boolean
  /** Takes constant or logarithmic time: the flag `fast`. */
  readonly isFast: boolean
  readonly flags: ReadonlySet<Flag>
  readonly declared: CommandSpec['declared']
  readonly forbidden: CommandSpec['forbidden']
  readonly run: ((call: Call) => void) | undefined
  /** Lower-case second word → subcommand; undefined for a plain command. */
  subcommands: Map<string, Command> | undefined
  // commandstats
  calls: number
  /** Estimated from timed calls: each stands for those since the last one timed (see Engine.run). */
  microseconds: number
  untimed: number
  rejected: number
  failed: number
}

/** Checks a spec and makes it a command. Throws on a spec that cannot be meant. */
export function defineCommand(spec: CommandSpec): Command {
  const run = spec.run
  if (run !== undefined && run.constructor.name === 'AsyncFunction') {
    throw new TypeError(`${spec.name}: a command runs to completion (invariant 1)`)
  }
  const flags = new Set(spec.flags)
  return {
    spec,
    name: spec.name.toLowerCase().replace(' ', '|'),
    arity: spec.arity,
    isWrite: flags.has('write'),
    isReadonly: flags.has('readonly'),
    isNoscript: flags.has('noscript'),
    isFast: flags.has('fast'),
    mayReplicate: flags.has('may_replicate'),
    isDenyoom: flags.has('denyoom'),
    flags,
    declared: spec.declared,
    forbidden: spec.forbidden,
    run,
    subcommands: undefined,
    calls: 0,
    microseconds: 0,
    untimed: 0,
    rejected: 0,
    failed: 0,
  }
}

const TABLE_SIZE = 2048
/** Longer words are no command's name. */
const NAME_LENGTH_MAX = 32

/** Commands by name, looked up from the request's bytes without making a string. */
export class CommandTable {
  readonly #byName = new Map<string, Command>()
  /** Open addressing over a hash of the lower-cased name. */
  readonly #slots: (Command | undefined)[] = new Array(TABLE_SIZE).fill(undefined)
  /** What was found last: pipelines ask for the same again. A word of four to eight bytes is its first four and its last four. */
  #recent: Command | undefined = undefined
  #recentLength = 0
  #recentHead = 0
  #recentTail = 0

  /** Counters are kept per table: each engine gets its own copies of the commands. */
  constructor(commands: readonly Command[]) {
    for (const command of commands) this.add({ ...command })
  }

  add(command: Command): void {
    const bar = command.name.indexOf('|')
    if (bar !== -1) {
      const container = this.#byName.get(command.name.slice(0, bar))
      if (container === undefined) throw new Error(`${command.name}: its container must be registered first`)
      container.subcommands ??= new Map()
      container.subcommands.set(command.name.slice(bar + 1), command)
      return
    }
    if (this.#byName.has(command.name)) throw new Error(`${command.name} is registered twice`)
    this.#byName.set(command.name, command)
    let slot = hashName(command.name)
    while (this.#slots[slot] !== undefined) slot = (slot + 1) & (TABLE_SIZE - 1)
    this.#slots[slot] = command
  }

  /** Returns the command a word names, in any case; undefined when there is none. */
  find(word: Bytes): Command | undefined {
    const { length, start } = word
    if (length > NAME_LENGTH_MAX) return undefined
    const { u8, view } = word.source
    const short = length >= 4 && length <= 8
    if (
      short &&
      length === this.#recentLength &&
      view.getInt32(start, true) === this.#recentHead &&
      view.getInt32(start + length - 4, true) === this.#recentTail
    ) {
      return this.#recent
    }
    let hash = length
    for (let i = start; i < start + length; i++) hash = (Math.imul(hash, 31) + (u8[i]! | 32)) | 0
    let slot = (hash ^ (hash >>> 11)) & (TABLE_SIZE - 1)
    while (true) {
      const command = this.#slots[slot]
      if (command === undefined) return undefined
      if (sameName(command.name, u8, start, length)) {
        if (short) {
          this.#recent = command
          this.#recentLength = length
          this.#recentHead = view.getInt32(start, true)
          this.#recentTail = view.getInt32(start + length - 4, true)
        }
        return command
      }
      slot = (slot + 1) & (TABLE_SIZE - 1)
    }
  }

  /** Returns a command by its full name, `config|get` included. */
  get(name: string): Command | undefined {
    const lower = name.toLowerCase()
    const bar = lower.indexOf('|')
    if (bar === -1) return this.#byName.get(lower)
    return this.#byName.get(lower.slice(0, bar))?.subcommands?.get(lower.slice(bar + 1))
  }

  /** Number of commands, subcommands not counted. */
  get size(): number {
    return this.#byName.size
  }

  /** Commands in order of registration, subcommands not included. */
  values(): IterableIterator<Command> {
    return this.#byName.values()
  }

  /** Every command and subcommand. */
  *all(): IterableIterator<Command> {
    for (const command of this.#byName.values()) {
      yield command
      if (command.subcommands !== undefined) yield* command.subcommands.values()
    }
  }
}

function hashName(name: string): number {
  let hash = name.length
  for (let i = 0; i < name.length; i++) hash = (Math.imul(hash, 31) + (name.charCodeAt(i) | 32)) | 0
  return (hash ^ (hash >>> 11)) & (TABLE_SIZE - 1)
}

function sameName(name: string, u8: Buffer, start: number, length: number): boolean {
  if (name.length !== length) return false
  for (let i = 0; i < length; i++) {
    let byte = u8[start + i]!
    if (byte >= 65 && byte <= 90) byte += 32
    if (name.charCodeAt(i) !== byte) return false
  }
  return true
}
