// SHUTDOWN: ends the server. Acknowledged writes are on disk before that.
//
// First it waits for replicas (shutdown-timeout). ABORT ends that wait: the client that asked for
// the shutdown gets an error.

import { ERR } from '../../protocol/errors.ts'
import { defineCommand } from '../define-command.ts'

export const shutdown = defineCommand({
  name: 'SHUTDOWN',
  summary: 'Makes everything durable and ends the server.',
  group: 'server',
  since: '1.0.0',
  complexity: 'O(N) with N bytes not yet on disk',
  arity: -1,
  flags: ['admin', 'noscript', 'loading', 'stale', 'no_multi', 'allow_busy'],
  args: [
    {
      name: 'save-selector',
      type: 'oneof',
      optional: true,
      args: [
        { name: 'nosave', type: 'pure-token', token: 'NOSAVE' },
        { name: 'save', type: 'pure-token', token: 'SAVE' },
      ],
    },
    { name: 'now', type: 'pure-token', token: 'NOW', optional: true, since: '7.0.0' },
    { name: 'force', type: 'pure-token', token: 'FORCE', optional: true, since: '7.0.0' },
    { name: 'abort', type: 'pure-token', token: 'ABORT', optional: true, since: '7.0.0' },
  ],
  reply: 'status: OK if ABORT was given; otherwise the connection closes',
  history: [['7.0.0', 'Accepts NOW, FORCE and ABORT.']],
  run(call) {
    const {
      parts: { host },
    } = call.engine
    const asked = { save: false, nosave: false, now: false, force: false, abort: false }
    const options = call.options(1)
    while (options.next()) {
      if (options.is('NOSAVE')) asked.nosave = true
      else if (options.is('SAVE')) asked.save = true
      else if (options.is('NOW')) asked.now = true
      else if (options.is('FORCE')) asked.force = true
      else if (options.is('ABORT')) asked.abort = true
      else throw ERR.syntax
    }
    const { save, nosave, now, force, abort } = asked
    if ((save && nosave) || (abort && (save || nosave || now || force))) throw ERR.syntax
    if (abort) {
      if (host.abortShutdown?.() !== true) throw ERR.of('No shutdown in progress.')
      call.reply.ok()
      return
    }
    const {
      parts: { scripts },
    } = call.engine
    // The server cannot wait for an endless script. It can only end without the script's changes.
    if (scripts.busy !== undefined) {
      if (!nosave) throw scripts.busy
      if (host.shutdown !== undefined) scripts.abort()
    }
    if (host.shutdown === undefined) throw FAILED
    // The rest of a pipeline runs only if the shutdown is refused: the connection ends with the
    // process.
    call.whenDone<void>(
      (refused) => host.shutdown?.({ save: save ? 'save' : nosave ? 'nosave' : 'default', now, force }, refused),
      (reply) => reply.error(FAILED),
    )
  },
})

const FAILED = ERR.of('Errors trying to SHUTDOWN. Check logs.')
