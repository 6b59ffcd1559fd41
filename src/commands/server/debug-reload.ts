// DEBUG RELOAD, LOADAOF: the data through its files and back, so that what is lost on the way
// shows.

import type { ReloadOptions } from '../../engine/effects/saving.ts'
import { ERR, ReplyError } from '../../protocol/errors.ts'
import type { Call } from '../call.ts'

const NOT_SAVED = new ReplyError('ERR')
const NO_SNAPSHOT = ERR.of('Error trying to load the RDB dump, check server logs.')
const NO_LOG = ERR.of('Error trying to load the AOF files, check server logs.')

/**
 * Saves a snapshot and loads it; NOSAVE loads the one that is there. NOFLUSH leaves the data beside
 * it: a key that is in both is an error (redis-server ends there), or with MERGE the snapshot's.
 */
export function reload(call: Call): void {
  const { args } = call
  let saves = true
  let keeps = false
  let merges = false
  for (let i = 2; i < args.length; i++) {
    if (args.equalsIgnoreCase(i, 'NOSAVE')) saves = false
    else if (args.equalsIgnoreCase(i, 'NOFLUSH')) keeps = true
    else if (args.equalsIgnoreCase(i, 'MERGE')) merges = true
    else throw ERR.of('DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.')
  }
  load(call, { from: 'snapshot', saves, present: keeps ? (merges ? 'merged' : 'kept') : 'forgotten' }, NO_SNAPSHOT)
}

/** Loads the append-only files in the place of the data. */
export function loadAof(call: Call): void {
  load(call, { from: 'log', saves: false, present: 'forgotten' }, NO_LOG)
}

function load(call: Call, options: ReloadOptions, notLoaded: ReplyError): void {
  const { engine } = call
  const { saving } = engine.parts
  if (saving === undefined || saving.isBackup || saving.busyWith === 'save' || engine.conditions.state.loading.holds)
    throw notLoaded
  if (!call.mayBlock) {
    // A transaction cannot wait for the disk. The files are loaded behind it, before any client is heard again.
    const { client } = call
    engine.requests.runner.afterReply(() =>
      engine.blocking.suspend(
        client,
        (done) => saving.reload(options, done),
        () => {},
      ),
    )
    call.reply.ok()
    return
  }
  call.whenDone<'reloaded' | 'not saved' | 'not loaded'>(
    (done) => saving.reload(options, done),
    (reply, outcome) => {
      if (outcome === 'reloaded') reply.ok()
      else reply.error(outcome === 'not saved' ? NOT_SAVED : notLoaded)
    },
  )
}
