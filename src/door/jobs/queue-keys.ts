// The keys of a queue of BullMQ or Bull, as both document them: `PREFIX:NAME:…`, a hash for each
// job and a list or a sorted set for each state.

/** The states of jobs, and the keys that hold the ids: a list, or a sorted set. */
export const STATES = {
  waiting: { key: 'wait', type: 'list' },
  paused: { key: 'paused', type: 'list' },
  active: { key: 'active', type: 'list' },
  prioritized: { key: 'prioritized', type: 'zset' },
  delayed: { key: 'delayed', type: 'zset' },
  'waiting-children': { key: 'waiting-children', type: 'zset' },
  completed: { key: 'completed', type: 'zset' },
  failed: { key: 'failed', type: 'zset' },
} as const

export type JobState = keyof typeof STATES

export const JOB_STATES = Object.keys(STATES) as JobState[]

/**
 * The scores of `delayed` are times with twelve more bits, which keep the order of jobs of one
 * time.
 */
export const DELAYED_SCORE_UNIT = 0x1000

export type QueueKind = 'bullmq' | 'bull'

export interface QueueName {
  readonly prefix: string
  readonly name: string
  readonly kind: QueueKind
}

/** Returns a key of a queue. */
export function keyOf({ name, prefix }: Pick<QueueName, 'name' | 'prefix'>, key: string): string {
  return `${prefix}:${name}:${key}`
}

/** Splits the key of a job of another queue: `PREFIX:NAME:ID`. */
export function splitJobKey(key: string): { prefix: string; queue: string; id: string } | undefined {
  const last = key.lastIndexOf(':')
  const middle = key.lastIndexOf(':', last - 1)
  if (middle < 0) return undefined
  return { prefix: key.slice(0, middle), queue: key.slice(middle + 1, last), id: key.slice(last + 1) }
}

/** The name that workers give their connections begins with this, in BullMQ and in Bull. */
export function workerName({ name, prefix }: QueueName): string {
  return `${prefix}:${Buffer.from(name).toString('base64')}`
}
