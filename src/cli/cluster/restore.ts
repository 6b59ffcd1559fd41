// `respite cluster restore`: brings the data of a backup into a new, empty cluster.
//
//   store of backups ──▶ dump.rdb in a directory, checked
//                        └▶ a server without a log, in this process ──MIGRATE … COPY──▶ the leader
//
// The leader writes each key to its log as every other write, so all brokers get it.

import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ConfigSettings } from '../../config/config.ts'
import { systemDisk, writeAll } from '../../persistence/disk/disk.ts'
import type { Terminal } from '../../prover/terminal.ts'
import type { SnapshotStore } from '../../replicated-log/snapshot-store.ts'
import { createConfig } from '../../server/boot/options.ts'
import { Server } from '../../server/boot/server.ts'
import { processBytes } from '../../util/memory/process-bytes.ts'
import { Connection } from '../client/connection.ts'
import type { Reply } from '../client/reply.ts'
import { UsageError } from '../usage-error.ts'
import { checkedContent, newestOf, storeAt, storing } from './backup.ts'
import { BrokerConnection, BrokerError, type Credentials, fieldIn, readCredentials } from './broker-connection.ts'
import { type CommandLine, readAddress } from './command-line.ts'

/** Keys of one MIGRATE: large enough to be quick, small enough for one record of the log. */
const BATCH_KEYS = 100
const MIGRATE_MS_MAX = 60_000

interface Place {
  readonly host: string
  readonly port: number
}

/** Returns 0 when every key of the backup is in the cluster. */
export async function restore(words: CommandLine, terminal: Terminal): Promise<number> {
  const address = words.need('--backups')
  const node = readAddress(words.need('--node'))
  const positionText = words.take('--position')
  const dir = words.take('--dir') ?? join(tmpdir(), `respite-restore-${randomBytes(6).toString('hex')}`)
  const entry = readCredentials(words)
  words.end()
  if (positionText !== undefined && !/^\d{1,16}$/.test(positionText))
    throw new UsageError("'--position' must be that of a backup")
  return storing(async () => {
    const store = await storeAt(address)
    const position = positionText === undefined ? newestOf(await store.list())?.position : Number(positionText)
    if (position === undefined) throw new BrokerError('there is no backup in that store')
    const leader = await emptyLeader(node, entry)
    const { keys } = await checkedContent(store, position)
    terminal.print(`The backup of position ${position} is whole: ${keys} keys.`)
    await fetchInto(dir, store, position)
    const copied = await copyFrom(dir, leader, entry)
    terminal.print(`${copied} keys are at ${leader.host}:${leader.port}; ${dir} can be removed.`)
    return 0
  })
}

/** The leader of the cluster of a broker. Throws BrokerError when it has keys already. */
async function emptyLeader(place: Place, entry: Credentials): Promise<Place> {
  const broker = await BrokerConnection.open(place, entry)
  let leader: Place
  try {
    const named = fieldIn(await broker.ask('INFO', 'replication'), 'log_leader')
    if (named === '') throw new BrokerError(`${broker.address} knows no leader`)
    leader = readAddress(named)
  } finally {
    broker.close()
  }
  const first = await BrokerConnection.open(leader, entry)
  try {
    if (databasesIn(String(await first.ask('INFO', 'keyspace'))).length > 0)
      throw new BrokerError(`${first.address} has keys: a backup is restored into an empty cluster`)
  } finally {
    first.close()
  }
  return leader
}

async function fetchInto(dir: string, store: SnapshotStore, position: number): Promise<void> {
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const file = await systemDisk.open(join(dir, 'dump.rdb'), 'new')
  try {
    let written = 0
    for await (const part of store.get(position)) {
      const bytes = Buffer.from(part.buffer, part.byteOffset, part.byteLength)
      await writeAll(file, bytes, 0, bytes.length, written)
      written += bytes.length
    }
  } finally {
    await file.close()
  }
}

/** Serves the file in `dir` in this process, and sends its keys and functions to the leader. */
async function copyFrom(dir: string, leader: Place, entry: Credentials): Promise<number> {
  const settings: ConfigSettings = { dir, appendonly: 'no', save: '', bind: '127.0.0.1', ...tlsOf(entry) }
  const config = createConfig({ ...settings, port: '0' })
  const server = await Server.start({ config, processBytes, ownsLoop: true, ephemeralPort: true })
  try {
    const local = await Connection.open({ host: '127.0.0.1', port: server.port, socket: '' })
    try {
      await copyFunctions(local, leader, entry)
      return await copyKeys(local, leader, entry)
    } finally {
      local.close()
    }
  } finally {
    await server.stop('the backup is restored')
  }
}

async function copyFunctions(local: Connection, leader: Place, entry: Credentials): Promise<void> {
  const dump = await taken(local, ['FUNCTION', 'DUMP'])
  const target = await Connection.open({ ...leader, socket: '', encryption: entry.encryption })
  try {
    if (entry.password !== '') await taken(target, ['AUTH', entry.user, entry.password])
    await taken(target, ['FUNCTION', 'RESTORE', dump.bytes.toString('latin1')])
  } finally {
    target.close()
  }
}

async function copyKeys(local: Connection, { host, port }: Place, entry: Credentials): Promise<number> {
  const credentials = entry.password === '' ? [] : ['AUTH2', entry.user, entry.password]
  let copied = 0
  for (const database of databasesIn((await taken(local, ['INFO', 'keyspace'])).bytes.toString())) {
    await taken(local, ['SELECT', database])
    const migrate = ['MIGRATE', host, `${port}`, '', database, `${MIGRATE_MS_MAX}`, 'COPY', ...credentials, 'KEYS']
    let cursor = '0'
    do {
      const [next, found] = (await taken(local, ['SCAN', cursor, 'COUNT', `${BATCH_KEYS}`])).items
      cursor = next?.bytes.toString() ?? '0'
      const keys = (found?.items ?? []).map(({ bytes }) => bytes.toString('latin1'))
      if (keys.length > 0) await taken(local, [...migrate, ...keys])
      copied += keys.length
    } while (cursor !== '0')
  }
  return copied
}

/** MIGRATE connects as the server's own settings say. */
function tlsOf({ encryption }: Credentials): ConfigSettings {
  if (encryption === undefined) return {}
  const { authoritiesFile, certFile, keyFile } = encryption
  if (authoritiesFile === '') throw new UsageError("'--cacert' is missing: the leader's certificate is verified")
  return {
    'tls-cluster': 'yes',
    'tls-ca-cert-file': authoritiesFile,
    ...(certFile === '' ? {} : { 'tls-cert-file': certFile, 'tls-key-file': keyFile }),
  }
}

/** The numbers of the databases that INFO names. */
function databasesIn(info: string): string[] {
  return [...info.matchAll(/^db(\d+):/gm)].map(([, number]) => number ?? '0')
}

/** Throws BrokerError when the reply is an error. */
async function taken(connection: Connection, words: readonly string[]): Promise<Reply> {
  const reply = await connection.ask(words)
  if (reply.type === '-') throw new BrokerError(`${words[0]}: ${reply.bytes.toString()}`)
  return reply
}
