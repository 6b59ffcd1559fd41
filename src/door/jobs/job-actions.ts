// Changes jobs: runs the scripts as the user who asks, and says why one was refused.

import { type Asker, textOf, type Words } from '../console/asker.ts'
import { HttpError } from '../exchanges/http-error.ts'
import { optionsOf } from './job-row.ts'
import { JOB_SCRIPTS, type JobAction, PAUSE_SCRIPT, RESUME_SCRIPT, SCRIPT_KEYS, SCRIPT_REPLY } from './job-scripts.ts'
import { keyOf, type QueueName } from './queue-keys.ts'

const PRIORITY_MAX = 2 ** 21
/** Options that belong to one job, and not to a copy of it. */
const OWN_OPTIONS = ['jobId', 'parent', 'repeat', 'delay', 'de', 'rjk', 'prevMillis', 'deduplication', 'timestamp']

const REFUSALS: Readonly<Record<number, readonly [status: number, message: string]>> = {
  [SCRIPT_REPLY.missing]: [404, 'there is no such job'],
  [SCRIPT_REPLY.wrongState]: [409, 'the job is in a state that does not allow this'],
  [SCRIPT_REPLY.locked]: [409, 'a worker works on the job'],
  [SCRIPT_REPLY.hasChildren]: [409, 'the job waits for children: remove them first'],
  [SCRIPT_REPLY.scheduled]: [409, 'the job is the next one of a scheduler: remove the scheduler'],
}

export interface JobChange {
  readonly action: JobAction
  /** Milliseconds from now on, for `delay`. */
  readonly delay: number
  /** 0 = none, for `priority`. */
  readonly priority: number
}

/** Reads what an action needs. Throws HttpError. */
export function changeOf(action: string, { delay = 0, priority = 0 }: Readonly<Record<string, unknown>>): JobChange {
  if (!Object.hasOwn(JOB_SCRIPTS, action)) throw new HttpError(404, `a job has no action ${action}`)
  if (typeof delay !== 'number' || !Number.isSafeInteger(delay) || delay < 0 || delay > 2 ** 40)
    throw new HttpError(400, 'delay is a number of milliseconds')
  if (typeof priority !== 'number' || !Number.isInteger(priority) || priority < 0 || priority > PRIORITY_MAX)
    throw new HttpError(400, `priority is a whole number from 0 to ${PRIORITY_MAX}`)
  return { action: action as JobAction, delay, priority }
}

/**
 * Changes jobs, and returns for each the new id of a copy, true, or the refusal. Rejects with
 * HttpError.
 */
export async function changeJobs(
  asker: Asker,
  queue: QueueName,
  ids: readonly string[],
  change: JobChange,
  nowMs: number,
): Promise<(string | true | HttpError)[]> {
  const options = await asker.tryAll(optionsCommands(queue, ids, change))
  const replies = await asker.tryAll(
    ids.map((id, i) => scriptCommand(queue, id, change, argumentsOf(change, options[i], nowMs))),
  )
  return replies.map(outcomeOf)
}

function optionsCommands(queue: QueueName, ids: readonly string[], { action }: JobChange): Words[] {
  return action === 'duplicate' || action === 'retry' ? ids.map((id) => ['HGET', keyOf(queue, id), 'opts']) : []
}

function argumentsOf({ action, delay, priority }: JobChange, opts: unknown, nowMs: number): string[] {
  const now = String(Math.round(nowMs))
  const options = optionsOf(opts)
  switch (action) {
    case 'retry':
      return [options.lifo === true ? '1' : '0']
    case 'delay':
      return [String(delay), now]
    case 'priority':
      return [String(priority)]
    case 'duplicate':
      return [
        JSON.stringify(Object.fromEntries(Object.entries(options).filter(([name]) => !OWN_OPTIONS.includes(name)))),
        now,
      ]
    case 'remove':
      return [now]
    default:
      return []
  }
}

function scriptCommand(queue: QueueName, id: string, { action }: JobChange, more: readonly string[]): Words {
  const keys = [keyOf(queue, id), ...SCRIPT_KEYS.map((key) => keyOf(queue, key))]
  return ['EVAL', JOB_SCRIPTS[action], String(keys.length), ...keys, id, keyOf(queue, ''), queue.kind, ...more]
}

function outcomeOf(reply: unknown): string | true | HttpError {
  if (reply instanceof HttpError) return reply
  if (reply === SCRIPT_REPLY.done) return true
  const id = typeof reply === 'string' ? textOf(reply) : undefined
  if (id !== undefined) return id
  const [status, message] = REFUSALS[Number(reply)] ?? [409, 'the job was not changed']
  return new HttpError(status, message)
}

/** Pauses or resumes a whole queue. Rejects with HttpError. */
export async function pauseQueue(asker: Asker, queue: QueueName, what: 'pause' | 'resume'): Promise<void> {
  const names = ['wait', 'paused', 'meta', 'events', 'marker', 'prioritized', 'delayed', 'meta-paused']
  const keys = names.map((name) => keyOf(queue, name))
  const script = what === 'pause' ? PAUSE_SCRIPT : RESUME_SCRIPT
  await asker.ask([['EVAL', script, String(keys.length), ...keys, queue.kind, keyOf(queue, '')]])
}
