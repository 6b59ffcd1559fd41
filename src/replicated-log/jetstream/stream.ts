// The stream that holds the log: created with the right settings, or checked before anything is
// trusted to it.

import type { JetStreamManager, StreamConfig, StreamInfo } from '@nats-io/jetstream'
import { sleep } from '../../util/time/real-time.ts'
import { LogAway, LogError } from '../log.ts'
import { LogUnfit } from '../log-unfit.ts'
import type { NatsConnection, NatsPackages } from './connection.ts'
import { failure, isStreamMissing } from './failures.ts'
import type { JetStreamOptions } from './options.ts'
import { isSpaceError, makeSpaceError } from './space-error.ts'

/**
 * A stream without a leader does not answer, and is asked again for about 15 s in all, which is
 * longer than an election takes.
 */
export const STREAM_TIMEOUT_MS = 500
const RETRY_MS = 100
const ATTEMPTS_MAX = 25

/** The subject that batches of a stream are published to. */
export const subjectOf = (stream: string): string => `respite.log.${stream}`

/** Opens the stream and returns the servers' description of it. Throws `LogUnfit`, `LogAway`. */
export async function openStream(
  packages: NatsPackages,
  manager: JetStreamManager,
  options: JetStreamOptions,
  connection: NatsConnection,
): Promise<StreamInfo> {
  for (let attempt = 1; ; attempt++) {
    try {
      const info = await findOrCreate(packages, manager, options)
      requireSettings(options, info.config)
      return info
    } catch (error) {
      const known = isSpaceError(packages, error)
        ? await makeSpaceError(packages, connection, options, error)
        : failure(packages, error)
      if (!(known instanceof LogAway) || attempt >= ATTEMPTS_MAX) throw known
      await sleep(RETRY_MS)
    }
  }
}

/**
 * The names of the servers that keep the stream, without those that are down and cannot be asked.
 */
export function membersOf({ cluster }: StreamInfo, ownName: string): string[] {
  if (cluster === undefined) return [ownName]
  const members = (cluster.replicas ?? []).filter(({ offline }) => offline !== true).map(({ name }) => name)
  return cluster.leader === undefined ? members : [cluster.leader, ...members]
}

async function findOrCreate(
  packages: NatsPackages,
  manager: JetStreamManager,
  options: JetStreamOptions,
): Promise<StreamInfo> {
  try {
    return await manager.streams.info(options.stream)
  } catch (error) {
    if (!isStreamMissing(packages, error)) throw error
    if (options.missing === 'refuse') throw new LogUnfit(`there is no stream ${options.stream}`, { cause: error })
  }
  if (options.safety === 'required' && options.replicas === 1) {
    throw new LogUnfit('one server loses the log with its disk: three or five replicas are needed')
  }
  const { RetentionPolicy, StorageType, DiscardPolicy } = packages.jetstream
  return manager.streams.add({
    name: options.stream,
    subjects: [subjectOf(options.stream)],
    retention: RetentionPolicy.Limits,
    storage: StorageType.File,
    num_replicas: options.replicas,
    max_bytes: options.bytesMax,
    discard: DiscardPolicy.New,
    deny_delete: true,
  })
}

/** Checks the settings with which servers would remove, refuse or invent batches by themselves. */
function requireSettings(options: JetStreamOptions, config: StreamConfig): void {
  const wrong: string[] = []
  const expect = (what: string, found: unknown, wanted: unknown): void => {
    if (found !== wanted) wrong.push(`${what} is ${String(found)}, but must be ${String(wanted)}`)
  }
  expect('subjects', config.subjects?.join(' '), subjectOf(options.stream))
  expect('storage', config.storage, 'file')
  expect('discard', config.discard, 'new')
  expect('retention', config.retention, 'limits')
  expect('max_age', config.max_age, 0)
  expect('max_msgs', config.max_msgs, -1)
  expect('max_msgs_per_subject', config.max_msgs_per_subject, -1)
  expect('no_ack', config.no_ack ?? false, false)
  expect('allow_rollup_hdrs', config.allow_rollup_hdrs, false)
  expect('mirror', config.mirror, undefined)
  expect('sources', config.sources?.length ?? 0, 0)
  if (options.safety === 'required' && config.num_replicas !== 3 && config.num_replicas !== 5) {
    wrong.push(`num_replicas is ${config.num_replicas}, but must be 3 or 5`)
  }
  if (wrong.length > 0) throw new LogUnfit(`the stream ${options.stream} cannot hold a log: ${wrong.join('; ')}`)
}

/** Checks that a stream may have this name, by the servers' own rule. */
export function requireStreamName(name: string): void {
  if (!/^[^\s.*>/\\]+$/.test(name)) throw new LogError(`${name} cannot be the name of a stream`)
}
