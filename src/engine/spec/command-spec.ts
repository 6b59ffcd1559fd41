// The description of a command, a spec, and the words it is written in.
//
// A spec is the only truth about a command. COMMAND and its subcommands, arity
// and ACL checks, key extraction for WATCH, scripts and cluster clients, and
// docs/commands.md are all made from it.
//
// Nothing here knows what a call is: a call knows its command (call.ts), and
// command.ts brings the two together.

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
  /** Of `unknown` keys, one that can be found after all: where it stands in a request whose command's name is at `from`; 0 = nowhere. */
  find?: (args: Arguments, from: number) => number
  flags?: readonly ('not_key' | 'incomplete' | 'variable_flags')[]
  /** With `variable_flags`: what one request does to the keys, as COMMAND GETKEYSANDFLAGS says it. */
  flagsOf?: (args: Arguments, from: number) => readonly string[]
}

/** Keys that stand where one key spec says, as those of nearly every command do (simple-key-spec.ts). */
export interface PlainKeys {
  readonly first: number
  /** Negative: counted from the end. */
  readonly last: number
  readonly step: number
  /** READ, WRITE, both or neither: what must be allowed of them. */
  readonly needs: number
  /** Where the arguments say what happens to them: asked instead of `needs`. */
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
  /** What stands for it in a line of syntax, where that is not its name. */
  shown?: string
  /** Which key spec finds it, where that is not told by its place among the arguments of type key. */
  keySpec?: number
  /** The version that brought it, if the command is older. */
  since?: string
  deprecatedSince?: string
  args?: readonly ArgSpec[]
}

/** A claim: what a command, or one call of it, needs to be allowed. */
export interface Requirements {
  readonly isWrite: boolean
  readonly isDenyoom: boolean
  /** It may have effects elsewhere, as PUBLISH has. */
  readonly mayReplicate: boolean
  /** It needs no data, and runs while there is none yet: the flag `loading`. */
  readonly runsWhileLoading: boolean
  /** It may run on data that is out of date: the flag `stale`. */
  readonly runsWhileStale: boolean
}

/** Whoever knows more than a command's flags of what one call of it may do. */
export interface RequirementsHost {
  readonly parts: {
    readonly scripts: ScriptRunner
  }
  readonly clients: {
    readonly pubSub: PubSub
  }
}

export interface CommandSpecOf<Call> {
  /** Upper case. A subcommand bears its container's name too: `CONFIG GET`. */
  name: string
  summary: string
  group: Group
  since: string
  complexity?: string
  /** Words with the command's own name; negative = at least that many. A subcommand counts both of its words. */
  arity: number
  /**
   * Where Redis takes no options and we do: tells whether the word at `at`, behind as many as `arity` asks for, begins one of ours.
   * Behind any other word the request has the wrong number of arguments, as in Redis.
   */
  ownOption?: (args: Arguments, at: number) => boolean
  flags: readonly Flag[]
  /** ACL categories that neither group nor flags imply: `dangerous`, `keyspace`. */
  acl?: readonly string[]
  keys?: readonly KeySpec[]
  /**
   * The places of the keys in a request whose command's name is at `from`, where key specs cannot tell them (the flag `incomplete`);
   * undefined when the request makes no sense. What happens to them is what the first spec says.
   */
  placesOfKeys?: (args: Arguments, from: number) => readonly number[] | undefined
  /** Which arguments are channels that are listened to or published to; `last` as of a key spec. */
  channels?: {
    first: number
    last: number
    /** Patterns to subscribe to are allowed only as they are. Asked of a request whose command's name is at `from`, where its words say what they are. */
    are: 'names' | 'patterns' | ((args: Arguments, from: number) => 'names' | 'patterns')
  }
  /**
   * The key that a request changes and does not name, where its words do not tell it as a key: its user needs the right to write it.
   * Undefined: this request changes none but what is its user's own.
   */
  changesKey?: (args: Arguments, from: number, user: string) => string | undefined
  args?: readonly ArgSpec[]
  /** COMMAND INFO's tips: `nondeterministic_output`, `request_policy:all_shards`. */
  tips?: readonly string[]
  /** One line: the reply's shape. */
  reply?: string
  /** [version, what changed]. */
  history?: readonly (readonly [string, string])[]
  deprecated?: { since: string; instead: string }
  /** It is for those who work on servers: documentation leaves it out. */
  docFlags?: readonly 'syscmd'[]
  /** What one call may do where its arguments say more than the flags: a script declares it, EXEC does what was queued. Undefined: what the flags say. */
  declared?: (host: RequirementsHost, args: Arguments, client: Client) => Requirements | undefined
  /** Between MULTI and EXEC commands are queued; this one `runs` at once, `ends` the transaction, or `executes` it. */
  duringMulti?: 'runs' | 'ends' | 'executes'
  /** A RESP2 client may use it while it is subscribed. */
  whileSubscribed?: true
  /** It is how clients ask whether the server takes writes, and is refused when it does not (PING). */
  asksForWrites?: true
  /** Its client may have to wait, although Redis does not call it blocking (WAIT). */
  mayWait?: true
  /** Tells whether a word is for nobody's eyes (a password): MONITOR and SLOWLOG show `(redacted)` in its place. */
  hides?: (args: Arguments, i: number) => boolean
  /** What it changes of its connection: where callers share one (embedded/), it is refused. `replies`: whether a request has just one. */
  changesConnection?: 'subscriptions' | 'transaction' | 'state' | 'replies'
  /** Tells whether a server of this configuration has the command at all; where it has not, its name means nothing. */
  isOffered?: (config: Config) => boolean
  /** Refuses whom the configuration does not let use it; asked before anything else, the password included. */
  forbidden?: (config: Config, client: Client, args: Arguments) => ReplyError | undefined
  /** Absent in a container (CONFIG): there only subcommands run. Synchronous: waiting is parking (invariant 1). */
  run?(call: Call): void
}

/** A spec made ready for dispatch. */
export interface CommandOf<Call> extends Requirements {
  readonly spec: CommandSpecOf<Call>
  /** Its number in the table that it stands in. */
  readonly id: number
  /** Lower case; subcommands as `config|get`. */
  readonly name: string
  readonly arity: number
  /** The most words it takes without options of our own. */
  readonly plainWordsMax: number
  readonly isReadonly: boolean
  /** Flags that every call of a script asks for: looking into the set cost 3 % of a job's script. */
  readonly isNoscript: boolean
  /** Takes constant or logarithmic time: the flag `fast`. */
  readonly isFast: boolean
  /** One call may take long, or wait: each is timed (see Runner). Of others some are. */
  readonly mayTakeLong: boolean
  readonly flags: ReadonlySet<Flag>
  /** Its keys, if they stand where one key spec says. */
  readonly plainKeys: PlainKeys | undefined
  readonly declared: CommandSpecOf<Call>['declared']
  readonly forbidden: CommandSpecOf<Call>['forbidden']
  readonly run: CommandSpecOf<Call>['run'] | undefined
  /** Lower-case second word → subcommand; undefined for a plain command. */
  subcommands: Map<string, CommandOf<Call>> | undefined
  // commandstats, latencystats
  calls: number
  /** Estimated from timed calls: each stands for those since the last one timed (see CommandTimes). */
  microseconds: number
  untimed: number
  /** How long calls took; undefined until the first one while `latency-tracking` is on. */
  latencies: LatencyHistogram | undefined
  rejected: number
  failed: number
}
