// Jobs as the API tells of them, and the changes that can be asked for.

import type { Field, Values } from '../parts/change.tsx'

export interface Job {
  readonly id: string
  readonly name: string
  readonly state: string
  readonly timestamp: number
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
  readonly parent: { readonly queue: string; readonly id: string } | null
  readonly runsAt: number | null
  readonly stalled: number
}

/** Where a queue lies. */
export interface Where {
  readonly prefix: string
  readonly db: string
}

export interface JobChange {
  readonly action: string
  readonly verb: string
  readonly past: string
  /** The states in which it makes sense; undefined = all. */
  readonly states?: readonly string[]
  readonly isForMany: boolean
  readonly isDestroying: boolean
  readonly fields: readonly Field[]
  body(values: Values): object
}

const nothing = (): object => ({})
const number = (name: string, label: string, hint: string): Field => ({ name, label, kind: 'number', hint })
const WAITING = ['waiting', 'prioritized', 'delayed', 'paused']

export const JOB_CHANGES: readonly JobChange[] = [
  {
    action: 'retry',
    verb: 'Retry',
    past: 'Retried',
    states: ['failed', 'completed'],
    isForMany: true,
    isDestroying: false,
    fields: [],
    body: nothing,
  },
  {
    action: 'promote',
    verb: 'Promote',
    past: 'Promoted',
    states: ['delayed'],
    isForMany: true,
    isDestroying: false,
    fields: [],
    body: nothing,
  },
  {
    action: 'duplicate',
    verb: 'Duplicate',
    past: 'Duplicated',
    isForMany: true,
    isDestroying: false,
    fields: [],
    body: nothing,
  },
  {
    action: 'delay',
    verb: 'Delay',
    past: 'Delayed',
    states: ['delayed'],
    isForMany: true,
    isDestroying: false,
    fields: [number('delay', 'Milliseconds from now', '60000 is a minute')],
    body: ({ delay }) => ({ delay: Number(delay) }),
  },
  {
    action: 'priority',
    verb: 'Prioritize',
    past: 'Changed the priority of',
    states: WAITING,
    isForMany: true,
    isDestroying: false,
    fields: [number('priority', 'Priority', '0 is none; 1 comes before 2')],
    body: ({ priority }) => ({ priority: Number(priority) }),
  },
  { action: 'remove', verb: 'Remove', past: 'Removed', isForMany: true, isDestroying: true, fields: [], body: nothing },
]
