// `respite cluster create`, `respite cluster add-shard`: prepares the log of a shard, and writes
// the configuration of its brokers.

import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import type { Terminal } from '../../prover/terminal.ts'
import { AddressError } from '../../replicated-log/address-options.ts'
import { LogError } from '../../replicated-log/log.ts'
import { describeLogAddress, readLogAddress } from '../../replicated-log/log-address.ts'
import { LogUnfit } from '../../replicated-log/log-unfit.ts'
import { readStoreAddress } from '../../replicated-log/snapshots/store-address.ts'
import { openWorkerLog } from '../../replicated-log/worker/worker-log.ts'
import { UsageError } from '../usage-error.ts'
import { type CommandLine, readAddresses } from './command-line.ts'

/** The settings that all brokers of a shard share. */
interface Shard {
  readonly name: string
  readonly log: string
  /**
   * In a cluster of several shards: the log of the first; '' = this is the first. Undefined = the
   * cluster has no slots.
   */
  readonly firstLog: string | undefined
  readonly snapshots: string
  readonly nodes: readonly { host: string; port: number }[]
  /** The directory of the brokers' data, or above it. */
  readonly dir: string
  /** The directory for their configuration; undefined = it is printed. */
  readonly into: string | undefined
}

/** Prepares the first shard, or the only one. */
export function create(words: CommandLine, terminal: Terminal): Promise<number> {
  const isOneOfSeveral = words.take('--slots') === 'yes'
  return prepare(readShard(words, isOneOfSeveral ? '' : undefined), terminal)
}

/** Prepares one more shard: it has no slots until some are moved to it. */
export async function addShard(words: CommandLine, terminal: Terminal): Promise<number> {
  const shard = readShard(words, words.need('--first-log'))
  const code = await prepare(shard, terminal)
  if (code === 0)
    terminal.print(
      `When these are started: respite cluster move-slots --node HOST:PORT --from SHARD --to ${shard.name} --count 4096`,
    )
  return code
}

function readShard(words: CommandLine, firstLog: string | undefined): Shard {
  const name = words.need('--name')
  if (!/^[\w.-]{1,64}$/.test(name))
    throw new UsageError(`'${name}' is not a name: use letters, digits, '.', '_' and '-'`)
  const shard = {
    name,
    log: withName(words.need('--log'), name),
    firstLog,
    snapshots: words.take('--snapshots') ?? '',
    nodes: readAddresses(words.need('--nodes')),
    dir: words.take('--dir') ?? '/var/lib/respite',
    into: words.take('--into'),
  }
  words.end()
  if (new Set(shard.nodes.map(({ host, port }) => `${host}:${port}`)).size < shard.nodes.length)
    throw new UsageError("'--nodes' names a broker twice")
  return shard
}

/** An address that ends with the servers gets the name of the shard as the name of its log. */
function withName(address: string, name: string): string {
  const [, servers, rest = ''] = /^([a-z]+:\/\/[^/?]+)\/?(\?.*)?$/.exec(address) ?? []
  return servers === undefined ? address : `${servers}/${name.replaceAll('.', '-')}${rest}`
}

async function prepare(shard: Shard, terminal: Terminal): Promise<number> {
  const { into, log, nodes, snapshots } = shard
  try {
    // Errors in these are reported before anything is made.
    const source = readLogAddress(log)
    if (snapshots !== '') readStoreAddress(snapshots)
    const opened = await openWorkerLog(source)
    const { first, last } = await opened.bounds()
    await opened.close()
    terminal.print(
      `The log ${describeLogAddress(log)} exists and is safe: its servers sync, and a majority has every acknowledged record.`,
    )
    if (last > 0)
      terminal.print(`It holds records ${first} to ${last}: brokers that are started with it continue from there.`)
  } catch (error) {
    if (!(error instanceof AddressError || error instanceof LogUnfit || error instanceof LogError)) throw error
    terminal.print(`The log cannot be used: ${error.message}`)
    return 1
  }
  if (snapshots === '') terminal.print('Note: without --snapshots the log grows until it is full.')
  if (nodes.length < 2) terminal.print('Note: with one broker, no other can take over.')
  for (const node of nodes) {
    const text = configOf(shard, node)
    const name = `respite-${node.host.replaceAll(':', '-')}-${node.port}.conf`
    if (into === undefined) {
      terminal.print(`\n# ${name}\n${text}`)
    } else {
      mkdirSync(into, { recursive: true })
      // It contains passwords, those of the log among them.
      writeFileSync(path.join(into, name), text, { mode: 0o600 })
      terminal.print(`${path.join(into, name)}: start it on ${node.host} with 'respite ${name}'`)
    }
  }
  return 0
}

/**
 * The data directory of a broker: below `dir` where a host may have another broker, of this shard
 * or of another.
 */
function directoryOf({ dir, firstLog, name, nodes }: Shard, { host, port }: { host: string; port: number }): string {
  const isShared = nodes.filter((node) => node.host === host).length > 1
  return path.posix.join(dir, ...(firstLog === undefined ? [] : [name]), ...(isShared ? [String(port)] : []))
}

function configOf(shard: Shard, { host, port }: { host: string; port: number }): string {
  const { firstLog, log, name, snapshots } = shard
  const directory = directoryOf(shard, { host, port })
  const lines = [
    `bind ${host}`,
    `port ${port}`,
    // Access to the address gives access to the data: set a password or users before others can
    // reach it.
    'protected-mode yes',
    `dir ${directory}`,
    'appendonly yes',
    'appendfsync always',
    'save ""',
    `shard-name ${name}`,
    `log ${log}`,
    ...(snapshots === '' ? [] : [`log-snapshots ${snapshots}`]),
    ...(firstLog === undefined ? [] : ['cluster-enabled yes']),
    ...(firstLog === undefined || firstLog === '' ? [] : [`cluster-log ${firstLog}`]),
  ]
  return `${lines.join('\n')}\n`
}
