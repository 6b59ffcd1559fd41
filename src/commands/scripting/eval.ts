// EVAL, EVALSHA, EVAL_RO, EVALSHA_RO: run a script, given whole or by its SHA-1.

import type { Requirements } from '../../engine/spec/command.ts'
import type { RequirementsHost } from '../../engine/spec/command-spec.ts'
import type { Arguments } from '../../protocol/arguments.ts'
import { ReplyError } from '../../protocol/errors.ts'
import { SHA_LENGTH } from '../../scripting/script-cache.ts'
import { Scripts } from '../../scripting/scripts.ts'
import { declaredFlags, requirementsOf } from '../../scripting/shebang.ts'
import type { Call } from '../call.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'
import { KEYS_AND_ARGUMENTS, keyCount } from './script-arguments.ts'

const NO_SCRIPT = new ReplyError('NOSCRIPT No matching script. Please use EVAL.')

type Access = 'writes' | 'reads'

function evalBody(call: Call, access: Access): void {
  const { engine, args } = call
  engine.clients.monitors.show(call)
  const keys = keyCount(call)
  const { scripting } = engine.parts
  scripting.runScript(call, scripting.cache.script(args.bytes(1), 'while used'), keys, access === 'reads')
}

function evalSha(call: Call, access: Access): void {
  const { engine, args } = call
  engine.clients.monitors.show(call)
  // A word that is no SHA-1 is an unknown script; later arguments are not checked.
  const sha = args.bytes(1)
  if (sha.length !== SHA_LENGTH) throw NO_SCRIPT
  const keys = keyCount(call)
  const { scripting } = engine.parts
  const script = scripting.cache.find(sha)
  if (script === undefined) throw NO_SCRIPT
  scripting.runScript(call, script, keys, access === 'reads')
}

/** A script with a shebang has the rights that the shebang says, even before it is compiled. */
function bodyDeclares(_: RequirementsHost, args: Arguments): Requirements | undefined {
  return requirementsOf(declaredFlags(args.bytes(1)))
}

function shaDeclares({ parts: { scripts } }: RequirementsHost, args: Arguments): Requirements | undefined {
  return scripts instanceof Scripts ? requirementsOf(scripts.cache.find(args.bytes(1))?.flags) : undefined
}

const common = {
  group: 'scripting',
  complexity: 'Depends on the script that is executed.',
  arity: -3,
  reply: "any: what the script returns; its tables' fields say what they become",
} as const satisfies Partial<CommandSpec>

const writing = {
  ...common,
  flags: ['noscript', 'stale', 'skip_monitor', 'may_replicate', 'no_mandatory_keys', 'movablekeys'],
  keys: [{ count: 2, first: 3, access: 'RW', use: ['access', 'update'] }],
} as const satisfies Partial<CommandSpec>

const reading = {
  ...common,
  flags: ['readonly', 'noscript', 'stale', 'skip_monitor', 'no_mandatory_keys', 'movablekeys'],
  keys: [{ count: 2, first: 3, access: 'RO', use: 'access' }],
} as const satisfies Partial<CommandSpec>

export const eval_ = defineCommand({
  ...writing,
  name: 'EVAL',
  summary: 'Runs a Lua script as one unit.',
  since: '2.6.0',
  args: [{ name: 'script', type: 'string' }, ...KEYS_AND_ARGUMENTS],
  declared: bodyDeclares,
  run: (call) => evalBody(call, 'writes'),
})

export const evalsha = defineCommand({
  ...writing,
  name: 'EVALSHA',
  summary: 'Runs a Lua script that is known here already, by its SHA-1.',
  since: '2.6.0',
  args: [{ name: 'sha1', type: 'string' }, ...KEYS_AND_ARGUMENTS],
  declared: shaDeclares,
  run: (call) => evalSha(call, 'writes'),
})

export const evalRo = defineCommand({
  ...reading,
  name: 'EVAL_RO',
  summary: 'Runs a Lua script that may only read.',
  since: '7.0.0',
  args: [{ name: 'script', type: 'string' }, ...KEYS_AND_ARGUMENTS],
  declared: bodyDeclares,
  run: (call) => evalBody(call, 'reads'),
})

export const evalshaRo = defineCommand({
  ...reading,
  name: 'EVALSHA_RO',
  summary: 'Runs a Lua script that may only read and is known here already, by its SHA-1.',
  since: '7.0.0',
  args: [{ name: 'sha1', type: 'string' }, ...KEYS_AND_ARGUMENTS],
  declared: shaDeclares,
  run: (call) => evalSha(call, 'reads'),
})
