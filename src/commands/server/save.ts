// SAVE, BGSAVE, LASTSAVE: snapshots of all data, in the file `dbfilename` names.
//
// SAVE holds up only its own client (persistence/snapshot/background-saving.ts); its reply means
// what it means in Redis: everything before it is on the disk.

import type { Saving } from '../../engine/effects/saving.ts'
import { ERR } from '../../protocol/errors.ts'
import type { Call } from '../call.ts'
import { type CommandSpec, defineCommand } from '../define-command.ts'

const common = {
  group: 'server',
  since: '1.0.0',
  flags: ['admin', 'noscript', 'no_async_loading'],
} as const satisfies Partial<CommandSpec>

export const save = defineCommand({
  ...common,
  name: 'SAVE',
  summary: 'Writes a snapshot and replies when it is on the disk.',
  complexity: 'O(N) with N keys',
  arity: 1,
  flags: [...common.flags, 'no_multi'],
  reply: 'status: OK',
  run(call) {
    const saving = savingOf(call)
    if (saving.busyWith === 'save' || saving.busyWith === 'copy') throw ERR.saveInProgress
    call.whenDone<boolean>(
      (done) => saving.save(done),
      (reply, saved) => (saved ? reply.ok() : reply.error(ERR.failed)),
    )
  },
})

export const bgsave = defineCommand({
  ...common,
  name: 'BGSAVE',
  summary: 'Begins a snapshot and replies at once.',
  complexity: 'O(1)',
  arity: -1,
  args: [{ name: 'schedule', type: 'pure-token', token: 'SCHEDULE', since: '3.2.2', optional: true }],
  reply: 'status: whether it has begun or will begin when nothing else is under way',
  history: [['3.2.2', 'Accepts SCHEDULE.']],
  run(call) {
    const { args } = call
    const schedules = args.length === 2 && args.equalsIgnoreCase(1, 'SCHEDULE')
    if (args.length > 1 && !schedules) throw ERR.syntax
    const saving = savingOf(call)
    if (saving.busyWith === 'save' || saving.busyWith === 'copy') throw ERR.saveInProgress
    // Within EXEC it would be an image of half a transaction.
    if (saving.busyWith === 'nothing' && call.mayBlock) {
      saving.saveInBackground()
      call.reply.status('Background saving started')
      return
    }
    if (!schedules && call.mayBlock) throw ERR.saveBlocked
    saving.scheduleSave()
    call.reply.status('Background saving scheduled')
  },
})

export const bgrewriteaof = defineCommand({
  ...common,
  name: 'BGREWRITEAOF',
  summary: 'Begins to rewrite the append-only file, as short as the data allows.',
  complexity: 'O(1)',
  arity: 1,
  reply: 'status: whether it has begun or will begin when nothing else is under way',
  run(call) {
    const saving = savingOf(call)
    if (saving.busyWith === 'rewrite') throw ERR.rewriteInProgress
    if (saving.busyWith === 'nothing' && call.mayBlock) {
      saving.rewriteInBackground()
      call.reply.status('Background append only file rewriting started')
      return
    }
    saving.scheduleRewrite()
    call.reply.status('Background append only file rewriting scheduled')
  },
})

export const lastsave = defineCommand({
  name: 'LASTSAVE',
  summary: 'Says when the last snapshot was complete.',
  group: 'server',
  since: '1.0.0',
  complexity: 'O(1)',
  arity: 1,
  flags: ['loading', 'stale', 'fast'],
  acl: ['admin', 'dangerous'],
  tips: ['nondeterministic_output'],
  reply: 'integer: Unix time in seconds',
  run(call) {
    const {
      parts: { saving },
      environment: { startedMs },
    } = call.engine
    call.reply.integer(Math.floor((saving?.lastSaveMs ?? startedMs) / 1000))
  },
})

function savingOf(call: Call): Saving {
  const engine = call.engine
  if (engine.parts.saving === undefined) throw ERR.failed
  return engine.parts.saving
}
