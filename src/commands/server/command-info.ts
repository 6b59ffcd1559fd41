// COMMAND and COMMAND INFO: facts about commands for client libraries.

import { aclCategories } from '../../engine/spec/acl-categories.ts'
import { type Command, FLAGS, type Flag, type KeySpec } from '../../engine/spec/command.ts'
import { keyUses, legacyRange } from '../../engine/spec/key-extraction.ts'
import type { Reply } from '../../protocol/reply.ts'
import type { Call } from '../call.ts'
import { defineCommand } from '../define-command.ts'

const common = {
  group: 'server',
  since: '2.8.13',
  complexity: 'O(N) with N commands told of',
  acl: ['connection'],
  flags: ['loading', 'stale'],
  tips: ['nondeterministic_output_order'],
} as const

export const command = defineCommand({
  ...common,
  name: 'COMMAND',
  summary: 'Returns what there is to know of all commands.',
  arity: -1,
  reply: 'array: a description of each command',
  run: replyAll,
})

export const commandInfo = defineCommand({
  ...common,
  name: 'COMMAND INFO',
  summary: 'Returns what there is to know of some commands, or of all.',
  arity: -2,
  args: [{ name: 'command-name', type: 'string', optional: true, multiple: true }],
  reply: 'array: a description of each command, nil for one that does not exist',
  history: [['7.0.0', 'Names of subcommands are understood, names are optional.']],
  run(call) {
    const { args, reply } = call
    const engine = call.engine
    if (args.length === 2) {
      replyAll(call)
      return
    }
    reply.array(args.length - 2)
    for (let i = 2; i < args.length; i++) {
      const found = engine.commands.get(args.string(i))
      if (found === undefined) reply.nil()
      else replyCommand(reply, found)
    }
  },
})

function replyAll(call: Call): void {
  call.reply.array(call.engine.commands.size)
  for (const each of call.engine.commands.values()) replyCommand(call.reply, each)
}

/** Redis does not show these flags: see `COMMAND INFO publish`. */
const UNTOLD: ReadonlySet<Flag> = new Set(['may_replicate'])

/** Ten elements, in Redis 7's order. */
function replyCommand(reply: Reply, told: Command): void {
  const range = legacyRange(told)
  const flags: string[] = FLAGS.filter(
    (flag) => (told.flags.has(flag) && !UNTOLD.has(flag)) || (flag === 'movablekeys' && range.movable),
  )
  reply.array(10)
  reply.text(told.name)
  reply.integer(told.arity)
  replyStatuses(reply, flags)
  reply.integer(range.first)
  reply.integer(range.last)
  reply.integer(range.step)
  replyStatuses(
    reply,
    aclCategories(told).map((category) => `@${category}`),
  )
  const { tips = [], keys = [] } = told.spec
  reply.set(tips.length)
  for (const tip of tips) reply.text(tip)
  reply.set(keys.length)
  for (const spec of keys) replyKeySpec(reply, spec)
  const { subcommands } = told
  if (subcommands === undefined) {
    reply.set(0)
    return
  }
  reply.array(subcommands.size)
  for (const each of subcommands.values()) replyCommand(reply, each)
}

function replyStatuses(reply: Reply, words: readonly string[]): void {
  reply.set(words.length)
  for (const word of words) reply.status(word)
}

function replyKeySpec(reply: Reply, spec: KeySpec): void {
  reply.map(3)
  reply.text('flags')
  // A shard channel is found like a key, but it is not one.
  const { flags = [] } = spec
  replyStatuses(reply, flags.includes('not_key') ? flags : [spec.access, ...keyUses(spec), ...flags])
  if (spec.keyword !== undefined) {
    const { word, from, last, step, limit = 0 } = spec.keyword
    replyPart(reply, 'begin_search', 'keyword', [
      ['keyword', word],
      ['startfrom', from],
    ])
    replyRange(reply, last, step, limit)
  } else if (spec.count !== undefined) {
    replyPart(reply, 'begin_search', 'index', [['index', spec.count]])
    replyPart(reply, 'find_keys', 'keynum', [
      ['keynumidx', 0],
      ['firstkey', (spec.first ?? spec.count + 1) - spec.count],
      ['keystep', 1],
    ])
  } else if (spec.unknown) {
    replyPart(reply, 'begin_search', 'unknown', [])
    replyPart(reply, 'find_keys', 'unknown', [])
  } else {
    const { first = 1, last = first, step = 1 } = spec
    replyPart(reply, 'begin_search', 'index', [['index', first]])
    // A last key that is counted from the beginning is reported relative to the first.
    replyRange(reply, last < 0 ? last : last - first, step, 0)
  }
}

function replyRange(reply: Reply, lastkey: number, keystep: number, limit: number): void {
  replyPart(reply, 'find_keys', 'range', [
    ['lastkey', lastkey],
    ['keystep', keystep],
    ['limit', limit],
  ])
}

function replyPart(reply: Reply, part: string, type: string, fields: readonly [string, string | number][]): void {
  reply.text(part)
  reply.map(2)
  reply.text('type')
  reply.text(type)
  reply.text('spec')
  reply.map(fields.length)
  for (const [name, value] of fields) {
    reply.text(name)
    if (typeof value === 'number') reply.integer(value)
    else reply.text(value)
  }
}
