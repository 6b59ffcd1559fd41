// FCALL, FCALL_RO: run a function of a library.

import { ERR } from '../../protocol/errors.ts'
import { Scripts } from '../../scripting/scripts.ts'
import { requirementsOf } from '../../scripting/shebang.ts'
import type { Call } from '../call.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'
import { KEYS_AND_ARGUMENTS, keyCount } from './script-arguments.ts'

const NOT_FOUND = ERR.of('Function not found')
const BAD_COUNT = ERR.of('Bad number of keys provided')

function fcall(call: Call, access: 'writes' | 'reads'): void {
  const engine = call.engine
  engine.clients.monitors.show(call)
  const scripts = engine.parts.scripting
  engine.effects.durability.lookedAtLibraries()
  const found = scripts.functions.find(call.args.string(1))
  if (found === undefined) throw NOT_FOUND
  const keys = keyCount(call, BAD_COUNT)
  scripts.runFunction(call, found.run, found.name, found.flags, keys, access === 'reads')
}

const common = {
  group: 'scripting',
  since: '7.0.0',
  complexity: 'Depends on the function that is executed.',
  arity: -3,
  args: [{ name: 'function', type: 'string' }, ...KEYS_AND_ARGUMENTS],
  reply: 'any: what the function returns',
  declared: ({ parts: { scripts } }, args) =>
    scripts instanceof Scripts ? requirementsOf(scripts.functions.find(args.string(1))?.flags) : undefined,
} as const satisfies Partial<CommandSpec>

export const fcallWriting = defineCommand({
  ...common,
  name: 'FCALL',
  summary: 'Runs a function as one unit.',
  flags: ['noscript', 'stale', 'skip_monitor', 'may_replicate', 'no_mandatory_keys', 'movablekeys'],
  keys: [{ count: 2, first: 3, access: 'RW', use: ['access', 'update'] }],
  run: (call) => fcall(call, 'writes'),
})

export const fcallRo = defineCommand({
  ...common,
  name: 'FCALL_RO',
  summary: 'Runs a function that may only read.',
  flags: ['readonly', 'noscript', 'stale', 'skip_monitor', 'no_mandatory_keys', 'movablekeys'],
  keys: [{ count: 2, first: 3, access: 'RO', use: 'access' }],
  run: (call) => fcall(call, 'reads'),
})
