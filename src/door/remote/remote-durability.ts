// GET /v1/durability of another server: as much as INFO persistence and CONFIG GET tell.

import { type Asker, mapOf, textOf } from '../console/asker.ts'
import { answerJson, type Console } from '../console/console.ts'
import type { ConsoleRequest } from '../console/endpoint.ts'
import { HttpError } from '../exchanges/http-error.ts'
import { type Info, infoOf, numberOfField } from './remote-info.ts'
import type { RemoteServer } from './remote-server.ts'

const SETTINGS = ['dir', 'appendfsync', 'save', 'durability'] as const

export async function tellOfRemoteDurability(
  console: Console,
  remote: RemoteServer,
  { exchange, visitor }: ConsoleRequest,
): Promise<void> {
  const asker = await console.askerOf(exchange, visitor, 0)
  const info = await infoOf(remote, 'persistence')
  const settings = await settingsOf(asker)
  const fsync = settings?.get('appendfsync') ?? 'everysec'
  const isJournalOn = info.get('aof_enabled') === '1'
  const buffered = isJournalOn ? numberOfField(info, 'aof_buffer_length') : 0
  const changesSinceSave = numberOfField(info, 'rdb_changes_since_last_save') ?? 0
  const savedSeconds = numberOfField(info, 'rdb_last_save_time')
  answerJson(exchange, {
    appendonly: isJournalOn,
    fsync,
    rules: [],
    unsynced: { bytes: buffered, sinceMs: null },
    lastSync: null,
    heldClients: 0,
    waitsMs: null,
    crash: isJournalOn ? crashWithJournal(fsync, buffered, changesSinceSave) : crashWithout(settings, changesSinceSave),
    lastSave: savedSeconds === null ? null : savedSeconds * 1000,
    lastSaveOk: info.get('rdb_last_bgsave_status') !== 'err',
    rewrite: {
      running: info.get('aof_rewrite_in_progress') === '1',
      lastOk: info.get('aof_last_bgrewrite_status') !== 'err',
    },
    changesSinceSave,
    files: filesOf(info),
    directory: settings?.get('dir') ?? null,
  })
}

/** Undefined = the user may not read them. */
async function settingsOf(asker: Asker): Promise<ReadonlyMap<string, string> | undefined> {
  // Before Redis 7 CONFIG GET takes one name.
  const answers = await asker.tryAll(SETTINGS.map((name) => ['CONFIG', 'GET', name]))
  if (answers.every((answer) => answer instanceof HttpError)) return undefined
  return new Map(
    answers.flatMap((answer) =>
      Object.entries(mapOf(answer)).map(([name, value]) => [name, textOf(value) ?? ''] as const),
    ),
  )
}

function crashWithJournal(fsync: string, buffered: number | null, changesSinceSave: number): object {
  const power =
    fsync === 'always'
      ? 'Nothing would be lost: each write is synced before its reply.'
      : fsync === 'everysec'
        ? 'The writes of about the last second, at worst two, would be lost. INFO does not tell how many bytes those are.'
        : 'Writes that the system has not put on the disk yet would be lost: commonly those of the last half minute.'
  const isBuffered = buffered !== null && buffered > 0
  return {
    process: isBuffered
      ? `The last ${buffered} bytes of the journal, which are not written yet, would be lost.`
      : 'Nothing would be lost: the system has all writes.',
    power,
    processLoses: buffered ?? 0,
    powerLoses: fsync === 'always' ? 0 : null,
    changesSinceSave,
  }
}

function crashWithout(settings: ReadonlyMap<string, string> | undefined, changesSinceSave: number): object {
  const lost =
    changesSinceSave === 0
      ? 'Nothing would be lost: the last snapshot has all changes.'
      : settings?.get('save') === ''
        ? `The ${changesSinceSave} changes since the last snapshot or the start would be lost: no snapshot is made by itself.`
        : `The ${changesSinceSave} changes since the last snapshot would be lost.`
  const loses = changesSinceSave === 0 ? 0 : null
  return { process: lost, power: lost, processLoses: loses, powerLoses: loses, changesSinceSave }
}

/** Names of files are not told, and their sizes are. */
function filesOf(info: Info): object[] {
  const bytes = numberOfField(info, 'aof_current_size')
  const base = numberOfField(info, 'aof_base_size')
  if (bytes === null) return []
  const all = { name: 'append-only file', bytes, kind: 'incr', modified: null }
  return base === null
    ? [all]
    : [
        { ...all, bytes: Math.max(0, bytes - base) },
        { ...all, bytes: base, kind: 'base' },
      ]
}
