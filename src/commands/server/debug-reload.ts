// DEBUG RELOAD, LOADAOF: write the data to files and load it again, so that tests see any loss.

import type { Client } from '../../engine/clients/client.ts'
import type { ReloadOptions } from '../../engine/effects/saving.ts'
import { ERR, ReplyError } from '../../protocol/errors.ts'
import type { Call, Engine } from '../call.ts'

const NOT_SAVED = new ReplyError('ERR')
const NO_SNAPSHOT = ERR.of('Error trying to load the RDB dump, check server logs.')
const NO_LOG = ERR.of('Error trying to load the AOF files, check server logs.')

/**
 * Saves a snapshot and loads it; NOSAVE loads the existing one. NOFLUSH keeps the present data.
 * Then a key that is in both is an error (redis-server exits), or with MERGE gets the snapshot's
 * value.
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

/** Loads the append-only files in place of the data. */
export function loadAof(call: Call): void {
  load(call, { from: 'log', saves: false, present: 'forgotten' }, NO_LOG)
}

/** Loads that a transaction has requested and that are not done, by the waiting client. */
const loadsOf = new WeakMap<Client, ReloadOptions[]>()

/** Loads files after a transaction. Its client is suspended until all loads are done. */
function reloadBehind({ blocking, parts: { saving } }: Engine, client: Client, options: ReloadOptions): void {
  const known = loadsOf.get(client)
  if (known !== undefined) {
    known.push(options)
    return
  }
  const loads = [options]
  loadsOf.set(client, loads)
  const next = (done: (outcome: undefined) => void): void => {
    const load = loads.shift()
    if (load !== undefined && saving !== undefined) saving.reload(load, () => next(done))
    else {
      loadsOf.delete(client)
      done(undefined)
    }
  }
  blocking.suspend(client, next, () => {})
}

function load(call: Call, options: ReloadOptions, notLoaded: ReplyError): void {
  const { engine } = call
  const { saving } = engine.parts
  if (saving === undefined || saving.isBackup || saving.busyWith === 'save' || engine.conditions.state.loading.holds)
    throw notLoaded
  if (!call.mayBlock) {
    // A transaction cannot wait for the disk. The files are loaded after it, before any client's
    // next request.
    const { client } = call
    engine.requests.runner.afterReply(() => reloadBehind(engine, client, options))
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
