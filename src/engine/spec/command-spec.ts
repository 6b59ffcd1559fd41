// A spec: the description of a command, and the types of its parts.
//
// A spec is the only truth about a command. COMMAND and its subcommands, arity and ACL checks, key
// extraction for WATCH, scripts and cluster clients, and docs/commands.md are all made from it.
//
// This file does not know the type of a call: a call knows its command (call.ts), and command.ts
// brings the two together.

import type { PubSub } from '../../broker/pub-sub.ts'
import type { Config } from '../../config/config.ts'
import type { Arguments } from '../../protocol/arguments.ts'
import type { ReplyError } from '../../protocol/errors.ts'
import type { LatencyHistogram } from '../../util/time/latency-histogram.ts'
import type { Client } from '../clients/client.ts'
import type { ScriptRunner } from '../requests/script-runner.ts'

export type Group =
  | 'string'
  | 'list'
  | 'hash'
  | 'set'
  | 'sorted-set'
  | 'stream'
  | 'pubsub'
  | 'channel'
  | 'generic'
  | 'connection'
  | 'server'
  | 'scripting'
  | 'transactions'
  | 'bitmap'
  | 'hyperloglog'
  | 'geo'
  | 'cluster'
  | 'sentinel'

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

/** The use that a command makes of the keys of one key spec. */
export type KeyUse = 'access' | 'update' | 'insert' | 'delete'

/**
 * The places of keys among the arguments. `first` counts from 1; a negative `last` counts from the
 * end, as in COMMAND INFO.
 */
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
  /**
   * Finds one of the `unknown` keys after all: returns its place in a request whose command's name
   * is at `from`; 0 = it has none.
   */
  find?: (args: Arguments, from: number) => number
  flags?: readonly ('not_key' | 'incomplete' | 'variable_flags')[]
  /**
   * With `variable_flags`: returns the uses of the keys in one request, as COMMAND GETKEYSANDFLAGS
   * names them.
   */
  flagsOf?: (args: Arguments, from: number) => readonly string[]
}

/**
 * The places of keys that one key spec describes wholly, as in nearly every command
 * (simple-key-spec.ts).
 */
export interface PlainKeys {
  readonly first: number
  /** Negative: counted from the end. */
  readonly last: number
  readonly step: number
  /** READ, WRITE, both or neither: the rights that the keys need. */
  readonly needs: number
  /** Called instead of reading `needs` where the arguments decide on the use of the keys. */
  readonly flagsOf: ((args: Arguments, from: number) => readonly string[]) | undefined
}

/** One argument, as COMMAND DOCS describes it. */
export interface ArgSpec {
  name: string
  type: 'key' | 'string' | 'integer' | 'double' | 'unix-time' | 'pattern' | 'pure-token' | 'oneof' | 'block'
  token?: string
  optional?: boolean
  multiple?: boolean
  multipleToken?: boolean
  /** The text for it in a line of syntax, where that is not its name. */
  shown?: string
  /** The key spec that finds it, where its place among the arguments of type key does not tell. */
  keySpec?: number
  /** The version that brought the argument, if the command is older. */
  since?: string
  deprecatedSince?: string
  args?: readonly ArgSpec[]
}

/** The requirements of a command, or of one call of it, which admission checks. */
export interface Requirements {
  readonly isWrite: boolean
  readonly isDenyoom: boolean
  /** It may have effects on other servers, as PUBLISH has. */
  readonly mayReplicate: boolean
  /** It needs no data, so it runs while data is being loaded: the flag `loading`. */
  readonly runsWhileLoading: boolean
  /** It may run on data that is out of date: the flag `stale`. */
  readonly runsWhileStale: boolean
}

/** The rooms that tell more than a command's flags about one call of it. */
export interface RequirementsHost {
  readonly parts: {
    readonly scripts: ScriptRunner
  }
  readonly clients: {
    readonly pubSub: PubSub
  }
}

export interface CommandSpecOf<Call> {
  /** In upper case. A subcommand's name has its container's before it: `CONFIG GET`. */
  name: string
  summary: string
  group: Group
  since: string
  complexity?: string
  /**
   * The number of words, the command's name included; negative = at least that many. A subcommand
   * counts both of its names.
   */
  arity: number
  /**
   * Where Redis takes no options and this server does: tells if the word at `at` begins one of
   * ours. `at` is behind as many words as `arity` asks for. Behind any other word the request has
   * the wrong number of arguments, as in Redis.
   */
  ownOption?: (args: Arguments, at: number) => boolean
  flags: readonly Flag[]
  /** ACL categories that neither group nor flags imply: `dangerous`, `keyspace`. */
  acl?: readonly string[]
  keys?: readonly KeySpec[]
  /**
   * Returns the places of the keys in a request whose command's name is at `from`, where key specs
   * cannot tell them (the flag `incomplete`). Returns undefined for a request that makes no sense.
   * The first spec tells the use of the keys.
   */
  placesOfKeys?: (args: Arguments, from: number) => readonly number[] | undefined
  /** The arguments that are channels, to subscribe to or to publish to; `last` as in a key spec. */
  channels?: {
    first: number
    last: number
    /**
     * A user may subscribe only to patterns that its rules list word for word. The function is
     * called for a request whose command's name is at `from`, where its words decide.
     */
    are: 'names' | 'patterns' | ((args: Arguments, from: number) => 'names' | 'patterns')
  }
  /**
   * Returns the key that a request changes without naming it as a key: its user needs the right to
   * write it. Undefined: the request changes only data of its own user.
   */
  changesKey?: (args: Arguments, from: number, user: string) => string | undefined
  args?: readonly ArgSpec[]
  /** COMMAND INFO's tips: `nondeterministic_output`, `request_policy:all_shards`. */
  tips?: readonly string[]
  /** One line that describes the shape of the reply. */
  reply?: string
  /** [version, what changed]. */
  history?: readonly (readonly [string, string])[]
  deprecated?: { since: string; instead: string }
  /** The command is for operators of servers: documentation leaves it out. */
  docFlags?: readonly 'syscmd'[]
  /**
   * Returns the requirements of one call, where its arguments tell more than the flags: a script
   * declares them, EXEC has those of its queue. Undefined: the flags hold.
   */
  declared?: (host: RequirementsHost, args: Arguments, client: Client) => Requirements | undefined
  /**
   * Between MULTI and EXEC commands are queued. This one `runs` at once, `ends` the transaction, or
   * `executes` it.
   */
  duringMulti?: 'runs' | 'ends' | 'executes'
  /** A RESP2 client that is subscribed may use it. */
  whileSubscribed?: true
  /**
   * Clients use it to ask if the server takes writes, so it is refused when the server does not
   * (PING).
   */
  asksForWrites?: true
  /** Its client may have to wait, although Redis does not flag it as blocking (WAIT). */
  mayWait?: true
  /**
   * Tells if a word is secret, such as a password. MONITOR and SLOWLOG show `(redacted)` in its
   * place.
   */
  hides?: (args: Arguments, i: number) => boolean
  /**
   * The state of the connection that it changes. A connection that several callers share
   * (embedded/) refuses it. `replies`: a request may have no reply, or several.
   */
  changesConnection?: 'subscriptions' | 'transaction' | 'state' | 'replies'
  /**
   * Tells if a server with this configuration has the command at all. If not, its name is unknown.
   */
  isOffered?: (config: Config) => boolean
  /**
   * Returns the refusal for a client that the configuration does not let use the command. It is
   * asked before all else, the password included.
   */
  forbidden?: (config: Config, client: Client, args: Arguments) => ReplyError | undefined
  /**
   * Absent in a container (CONFIG), which has only subcommands. Synchronous: waiting is parking
   * (invariant 1).
   */
  run?(call: Call): void
}

/** A spec made ready for dispatch, with its counters. */
export interface CommandOf<Call> extends Requirements {
  readonly spec: CommandSpecOf<Call>
  /** Its number in its command table. */
  readonly id: number
  /** Lower case; subcommands as `config|get`. */
  readonly name: string
  readonly arity: number
  /** The most words of a request without an option of our own. */
  readonly plainWordsMax: number
  readonly isReadonly: boolean
  /**
   * A flag that every call of a script looks at. To look it up in `flags` took 3 % of a job's
   * script.
   */
  readonly isNoscript: boolean
  /** Takes constant or logarithmic time: the flag `fast`. */
  readonly isFast: boolean
  /**
   * One call may take long, or wait, so each is timed (see Runner). Of other commands some calls
   * are.
   */
  readonly mayTakeLong: boolean
  readonly flags: ReadonlySet<Flag>
  /** Its keys, if one key spec describes their places wholly. */
  readonly plainKeys: PlainKeys | undefined
  readonly declared: CommandSpecOf<Call>['declared']
  readonly forbidden: CommandSpecOf<Call>['forbidden']
  readonly run: CommandSpecOf<Call>['run'] | undefined
  /** Lower-case second word → subcommand; undefined for a plain command. */
  subcommands: Map<string, CommandOf<Call>> | undefined
  // The following fields are for INFO commandstats and latencystats.
  calls: number
  /** Estimated: a timed call stands for all calls since the one timed before (see CommandTimes). */
  microseconds: number
  untimed: number
  /** The durations of calls; undefined until the first call while `latency-tracking` is on. */
  latencies: LatencyHistogram | undefined
  rejected: number
  failed: number
}
