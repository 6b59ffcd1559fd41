// A command: its spec, made ready to be run by a call.

import type { Arguments } from '../../protocol/arguments.ts'
import { assert } from '../../util/assert.ts'
import type { Call } from '../requests/call.ts'
import type { CommandOf, CommandSpecOf } from './command-spec.ts'
import { plainKeysOf } from './simple-key-spec.ts'

export {
  type ArgSpec,
  FLAGS,
  type Flag,
  type Group,
  type KeySpec,
  type KeyUse,
  type Requirements,
} from './command-spec.ts'

export type CommandSpec = CommandSpecOf<Call>
export type Command = CommandOf<Call>

/** More words than any request has. */
const WORDS_MAX = 0x7fff_ffff

/** Checks a spec and makes a command of it. Throws for a contradictory spec. */
export function defineCommand(spec: CommandSpec): Command {
  const run = spec.run
  if (run !== undefined && run.constructor.name === 'AsyncFunction') {
    throw new TypeError(`${spec.name}: a command runs to completion (invariant 1)`)
  }
  const flags = new Set(spec.flags)
  assert(spec.arity !== 0, 'a request has the name of its command')
  assert(!(flags.has('write') && flags.has('readonly')), 'a command writes, or only reads')
  return {
    spec,
    id: 0,
    name: spec.name.toLowerCase().replace(' ', '|'),
    arity: spec.arity,
    plainWordsMax: spec.ownOption === undefined ? WORDS_MAX : Math.abs(spec.arity),
    isWrite: flags.has('write'),
    isReadonly: flags.has('readonly'),
    isNoscript: flags.has('noscript'),
    isFast: flags.has('fast'),
    mayTakeLong: (!flags.has('fast') && spec.complexity !== 'O(1)') || flags.has('blocking') || spec.mayWait === true,
    mayReplicate: flags.has('may_replicate'),
    isDenyoom: flags.has('denyoom'),
    runsWhileLoading: flags.has('loading'),
    runsWhileStale: flags.has('stale'),
    flags,
    plainKeys: plainKeysOf(spec.keys),
    declared: spec.declared,
    forbidden: spec.forbidden,
    run,
    subcommands: undefined,
    calls: 0,
    microseconds: 0,
    untimed: 0,
    latencies: undefined,
    rejected: 0,
    failed: 0,
  }
}

/** Sets the counters and durations of a command back. */
export function forgetCalls(command: Command): void {
  command.calls = 0
  command.microseconds = 0
  command.untimed = 0
  command.latencies = undefined
  command.rejected = 0
  command.failed = 0
}

/** Tells if MONITOR and SLOWLOG hide a word of a request. */
export function isSecret(command: Command, args: Arguments, i: number): boolean {
  return i > 0 && command.spec.hides?.(args, i) === true
}
