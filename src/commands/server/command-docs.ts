// COMMAND DOCS: summaries and arguments. redis-cli makes its hints from them.

import type { ArgSpec, Command } from '../../engine/spec/command.ts'
import type { Reply } from '../../protocol/reply.ts'
import { defineCommand } from '../define-command.ts'

export const commandDocs = defineCommand({
  name: 'COMMAND DOCS',
  summary: 'Returns the documentation of some commands, or of all.',
  group: 'server',
  since: '7.0.0',
  complexity: 'O(N) with N commands told of',
  acl: ['connection'],
  arity: -2,
  flags: ['loading', 'stale'],
  args: [{ name: 'command-name', type: 'string', optional: true, multiple: true }],
  tips: ['nondeterministic_output_order'],
  reply: 'map: commands and their documentation; unknown names are left out',
  run(call) {
    const { args, reply } = call
    const engine = call.engine
    const found: Command[] = []
    if (args.length === 2) found.push(...engine.commands.values())
    for (let i = 2; i < args.length; i++) {
      const each = engine.commands.get(args.string(i))
      if (each !== undefined) found.push(each)
    }
    reply.map(found.length)
    for (const each of found) replyDocs(reply, each)
  },
})

/** A field's name, and the function that writes its value. */
type Field = [string, () => void]

function replyDocs(reply: Reply, told: Command): void {
  const { spec, subcommands } = told
  const fields: Field[] = [
    ['summary', () => reply.text(spec.summary)],
    ['since', () => reply.text(spec.since)],
    ['group', () => reply.text(spec.group)],
  ]
  const { complexity, deprecated, history, args } = spec
  if (complexity !== undefined) fields.push(['complexity', () => reply.text(complexity)])
  const docFlags = [...(deprecated === undefined ? [] : ['deprecated']), ...(spec.docFlags ?? [])]
  if (docFlags.length > 0) fields.push(['doc_flags', () => replyStatuses(reply, docFlags)])
  if (deprecated !== undefined) {
    fields.push(
      ['deprecated_since', () => reply.text(deprecated.since)],
      ['replaced_by', () => reply.text(deprecated.instead)],
    )
  }
  if (history !== undefined && history.length > 0) fields.push(['history', () => replyHistory(reply, history)])
  if (args !== undefined && args.length > 0) {
    const keys: KeyCount = { next: 0, last: (spec.keys?.length ?? 0) - 1 }
    fields.push(['arguments', () => replyArguments(reply, args, keys)])
  }
  if (subcommands !== undefined) {
    fields.push([
      'subcommands',
      () => {
        reply.map(subcommands.size)
        for (const each of subcommands.values()) replyDocs(reply, each)
      },
    ])
  }
  reply.text(told.name)
  replyFields(reply, fields)
}

function replyFields(reply: Reply, fields: readonly Field[]): void {
  reply.map(fields.length)
  for (const [name, write] of fields) {
    reply.text(name)
    write()
  }
}

function replyHistory(reply: Reply, history: readonly (readonly [string, string])[]): void {
  reply.set(history.length)
  for (const [version, change] of history) {
    reply.array(2)
    reply.text(version)
    reply.text(change)
  }
}

/**
 * Index of the key spec for the next argument of type key. Each such argument takes the next spec;
 * the last spec serves all remaining arguments.
 */
interface KeyCount {
  next: number
  readonly last: number
}

function replyArguments(reply: Reply, args: readonly ArgSpec[], keys: KeyCount): void {
  reply.array(args.length)
  for (const arg of args) {
    const fields: Field[] = [
      ['name', () => reply.text(arg.name)],
      ['type', () => reply.text(arg.type)],
    ]
    if (arg.type !== 'block' && arg.type !== 'oneof')
      fields.push(['display_text', () => reply.text(arg.shown ?? arg.name)])
    const keySpec = arg.keySpec ?? (arg.type === 'key' && keys.last >= 0 ? Math.min(keys.next++, keys.last) : undefined)
    if (keySpec !== undefined) fields.push(['key_spec_index', () => reply.integer(keySpec)])
    const { token, since, deprecatedSince, args: parts } = arg
    if (token !== undefined) fields.push(['token', () => reply.text(token)])
    if (since !== undefined) fields.push(['since', () => reply.text(since)])
    if (deprecatedSince !== undefined) fields.push(['deprecated_since', () => reply.text(deprecatedSince)])
    const flags: string[] = []
    if (arg.optional) flags.push('optional')
    if (arg.multiple) flags.push('multiple')
    if (arg.multipleToken) flags.push('multiple_token')
    if (flags.length > 0) fields.push(['flags', () => replyStatuses(reply, flags)])
    if (parts !== undefined) fields.push(['arguments', () => replyArguments(reply, parts, keys)])
    replyFields(reply, fields)
  }
}

function replyStatuses(reply: Reply, words: readonly string[]): void {
  reply.set(words.length)
  for (const word of words) reply.status(word)
}
