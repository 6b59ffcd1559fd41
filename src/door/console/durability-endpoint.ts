// GET /v1/durability: the files, the last saves, and the loss that a crash would cause now.

import fs from 'node:fs'
import { join } from 'node:path'
import type { Engine } from '../../commands/call.ts'
import { HttpError } from '../exchanges/http-error.ts'
import { answerJson, type Console } from './console.ts'
import type { ConsoleRequest, Endpoint } from './endpoint.ts'

const FILES_MAX = 200

export const DURABILITY_ENDPOINT: Endpoint = {
  method: 'GET',
  path: '/v1/durability',
  summary: 'Tells of the files, of the last saves, and the loss that a crash would cause now.',
  answer: {
    appendonly: 'boolean',
    fsync: 'string',
    rules: [{ pattern: 'string', durability: 'string' }],
    unsynced: { bytes: 'integer?', sinceMs: 'integer?' },
    lastSync: 'integer?',
    heldClients: 'integer',
    waitsMs: 'integer?',
    crash: {
      process: 'string',
      power: 'string',
      processLoses: 'integer?',
      powerLoses: 'integer?',
      changesSinceSave: 'integer',
    },
    lastSave: 'integer?',
    lastSaveOk: 'boolean',
    rewrite: { running: 'boolean', lastOk: 'boolean' },
    files: [{ name: 'string', bytes: 'integer', kind: 'string', modified: 'integer?' }],
    directory: 'string?',
  },
  handle: tellOfDurability,
}

async function tellOfDurability(console: Console, { exchange, visitor }: ConsoleRequest): Promise<void> {
  const { engine } = console
  const asker = await console.askerOf(exchange, visitor, 0)
  const [, directory] = await asker
    .tryAll([
      ['INFO', 'persistence'],
      ['CONFIG', 'GET', 'dir'],
    ])
    .then((answers) => {
      if (answers[0] instanceof HttpError) throw answers[0]
      return answers
    })
  const mayKnowFiles = !(directory instanceof HttpError)
  const { config, effects, environment, figures, parts } = engine
  const { heldClients, heldSinceMs, progress } = effects.durability
  const { times } = progress
  const nowMs = environment.clock.now()
  const status = parts.saving?.status
  answerJson(exchange, {
    appendonly: config.get('appendonly'),
    fsync: config.get('appendfsync'),
    rules: config.get('durability').map(({ pattern, policy }) => ({ pattern, durability: policy })),
    unsynced: { bytes: Math.max(0, progress.appended - progress.synced), sinceMs: whole(times?.unsyncedForMs) },
    lastSync: times?.sinceSyncMs === undefined ? null : Math.round(nowMs - times.sinceSyncMs),
    heldClients,
    waitsMs: heldSinceMs === undefined ? null : Math.max(0, Math.round(nowMs - heldSinceMs)),
    crash: crashOf(engine),
    lastSave: status === undefined ? null : Math.round(parts.saving!.lastSaveMs),
    lastSaveOk: status?.lastSaveOk ?? true,
    rewrite: { running: status?.rewriteInProgress ?? false, lastOk: status?.lastRewriteOk ?? true },
    changesSinceSave: figures.stats.changesSinceSave,
    files: mayKnowFiles && parts.saving !== undefined ? await filesOf(engine) : [],
    directory: mayKnowFiles ? config.get('dir') : null,
  })
}

function whole(ms: number | undefined): number | null {
  return ms === undefined ? null : Math.round(ms)
}

/** Tells the loss that a kill of the process, and a power cut, would cause at this moment. */
function crashOf({ effects, figures, parts }: Engine): object {
  const { progress } = effects.durability
  const { changesSinceSave } = figures.stats
  const node = parts.replication.node
  const processLoses = Math.max(0, progress.appended - progress.written)
  const powerLoses = Math.max(0, progress.appended - progress.synced)
  const told = { processLoses, powerLoses, changesSinceSave }
  if (!progress.enabled) {
    const lost =
      parts.saving === undefined
        ? 'All data would be lost: nothing is saved.'
        : changesSinceSave === 0
          ? 'Nothing would be lost: the last snapshot has all changes.'
          : `The ${changesSinceSave} changes since the last snapshot would be lost.`
    // Without a journal no bytes are counted.
    const loses = changesSinceSave === 0 ? 0 : null
    return { process: lost, power: lost, ...told, processLoses: loses, powerLoses: loses }
  }
  if (node !== undefined) {
    const lost =
      node.lagBytes === 0
        ? 'Nothing would be lost: the log has all writes.'
        : `Writes of the last ${Math.round(node.lagMs)} ms (${node.lagBytes} bytes), which the log does not have yet, would be lost.`
    return { process: lost, power: lost, ...told }
  }
  const ofProcess =
    processLoses === 0
      ? 'Nothing would be lost: the system has all writes.'
      : `The last ${processLoses} bytes of the journal, which no client was told of, would be lost.`
  const ofPower =
    powerLoses === 0
      ? 'Nothing would be lost: all writes are synced.'
      : `The last ${powerLoses} bytes of the journal, which are not synced yet, would be lost.`
  return { process: ofProcess, power: ofPower, ...told }
}

async function filesOf({ config }: Engine): Promise<object[]> {
  const directory = config.get('dir')
  const log = config.get('appenddirname')
  const found = [...(await namesIn(directory)), ...(await namesIn(join(directory, log))).map((name) => join(log, name))]
  const files: object[] = []
  for (const name of found.slice(0, FILES_MAX)) {
    const stat = await fs.promises.stat(join(directory, name)).catch(() => undefined)
    if (stat?.isFile() !== true) continue
    files.push({
      name,
      bytes: stat.size,
      kind: kindOf(name, config.get('dbfilename')),
      modified: Math.round(stat.mtimeMs),
    })
  }
  return files
}

function namesIn(directory: string): Promise<string[]> {
  // A folder that is not there yet has no files.
  return fs.promises.readdir(directory).catch(() => [])
}

function kindOf(name: string, snapshot: string): string {
  if (name === snapshot) return 'rdb'
  if (name.endsWith('.manifest')) return 'manifest'
  const [, kind = 'other'] = /\.(base|incr)\.(?:aof|rdb)$/.exec(name) ?? []
  return kind
}
