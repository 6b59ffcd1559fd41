// A job as the console shows it: a row of a list, made of the fields of its hash.

import { numberOf, textOf, type Words } from '../console/asker.ts'
import { dueOf, type FoundJob } from './job-search.ts'
import { type JobState, keyOf, type QueueName, splitJobKey } from './queue-keys.ts'

const DATA_CHARACTERS_MAX = 500

/**
 * The fields of a job's hash that a row needs. `atm` is BullMQ's attempts, `attemptsMade` Bull's.
 */
const FIELDS = [
  'name',
  'data',
  'timestamp',
  'processedOn',
  'finishedOn',
  'delay',
  'priority',
  'atm',
  'attemptsMade',
  'opts',
  'failedReason',
  'progress',
  'parentKey',
  'stc',
  'stalledCounter',
] as const

type Fields = Readonly<Record<(typeof FIELDS)[number], unknown>>

export interface JobRow {
  readonly id: string
  readonly name: string
  readonly state: JobState | null
  readonly timestamp: number | null
  readonly processedOn: number | null
  readonly finishedOn: number | null
  readonly delay: number
  readonly priority: number
  readonly attemptsMade: number
  readonly attempts: number | null
  readonly failedReason: string | null
  readonly data: string
  readonly dataBytes: number
  readonly progress: unknown
  readonly parent: { readonly queue: string; readonly prefix: string; readonly id: string } | null
  readonly runsAt: number | null
  readonly stalled: number
}

/** The commands that tell of a job: two. */
export function rowCommands(queue: QueueName, id: string): Words[] {
  return [
    ['HMGET', keyOf(queue, id), ...FIELDS],
    ['ZSCORE', keyOf(queue, 'delayed'), id],
  ]
}

/** Makes a row of the replies to `rowCommands`; undefined = the job is gone. */
export function rowOf(id: string, state: JobState | null, values: unknown, score: unknown): JobRow | undefined {
  if (!Array.isArray(values)) return undefined
  const fields = Object.fromEntries(FIELDS.map((field, i) => [field, (values as unknown[])[i]])) as Fields
  if (fields.timestamp === null && fields.name === null) return undefined
  const data = textOf(fields.data) ?? ''
  const due = state === 'delayed' ? numberOf(score) : null
  return {
    id,
    name: textOf(fields.name) ?? '',
    state,
    timestamp: numberOf(fields.timestamp),
    processedOn: numberOf(fields.processedOn),
    finishedOn: numberOf(fields.finishedOn),
    delay: numberOf(fields.delay) ?? 0,
    priority: numberOf(fields.priority) ?? 0,
    attemptsMade: numberOf(fields.atm ?? fields.attemptsMade) ?? 0,
    attempts: numberOf(optionsOf(fields.opts).attempts),
    failedReason: textOf(fields.failedReason) ?? null,
    data: data.slice(0, DATA_CHARACTERS_MAX),
    dataBytes: Buffer.byteLength(data),
    progress: jsonOf(fields.progress),
    parent: parentOf(fields.parentKey),
    runsAt: due === null ? null : dueOf(due),
    stalled: numberOf(fields.stc ?? fields.stalledCounter) ?? 0,
  }
}

/** The id of a job as text. */
export function idOf({ id }: FoundJob): string {
  return Buffer.from(id, 'latin1').toString('utf8')
}

export function optionsOf(text: unknown): Readonly<Record<string, unknown>> {
  const options = jsonOf(text)
  return typeof options === 'object' && options !== null ? (options as Record<string, unknown>) : {}
}

/** The value of a text of JSON; of another text, the text itself. */
export function jsonOf(value: unknown): unknown {
  const text = textOf(value)
  if (text === undefined) return null
  try {
    return JSON.parse(text) as unknown
  } catch {
    // The programs that write jobs may write anything.
    return text
  }
}

function parentOf(key: unknown): JobRow['parent'] {
  const text = textOf(key)
  return text === undefined || text === '' ? null : (splitJobKey(text) ?? null)
}
