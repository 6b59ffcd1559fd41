// Checks what clients did to a stream with one group of consumers.
//
//   XADD        each acknowledged entry is there once, under the id of its reply
//   XREADGROUP  no entry is delivered as new twice, and none is passed over
//   XACK        one client alone acknowledges an entry; then it is pending nowhere, and no consumer
//               gets it again

import type { Operation } from '../durability/history-check.ts'

type Outcome = Operation['outcome']

/** An XADD. */
export interface Adding {
  readonly value: string
  outcome: Outcome
  /** The id in the reply. */
  id: string
}

/** An entry in the reply to a consumer. */
export interface Delivery {
  readonly id: string
  readonly value: string
  readonly consumer: string
  /** `new`: by XREADGROUP with `>`; `again`: by its own history, or by a claim. */
  readonly how: 'new' | 'again'
  /** When its request was sent. */
  readonly beganMs: number
}

/** An XACK of one entry. */
export interface Acknowledgement {
  readonly id: string
  outcome: Outcome
  /** Whether the reply says that the entry was pending. */
  isFirst: boolean
  endedMs: number
}

export interface GroupRecords {
  readonly addings: readonly Adding[]
  readonly deliveries: readonly Delivery[]
  readonly acknowledgements: readonly Acknowledgement[]
}

/** The stream and its group in the end. */
export interface GroupState {
  readonly entries: readonly { readonly id: string; readonly value: string }[]
  /** The entries that wait for an acknowledgement. */
  readonly pending: ReadonlySet<string>
  readonly lastDelivered: string
}

/** Returns all contradictions. */
export function checkGroup(records: GroupRecords, state: GroupState): string[] {
  return [...problemsOfEntries(records, state), ...problemsOfDeliveries(records), ...problemsOfGroup(records, state)]
}

function problemsOfEntries({ addings, deliveries }: GroupRecords, { entries }: GroupState): string[] {
  const found: string[] = []
  const ids = new Map<string, string>()
  const values = new Map(entries.map(({ id, value }) => [id, value]))
  for (const { id, value } of entries) {
    if (ids.has(value)) found.push(`entry ${value} is in the stream twice`)
    ids.set(value, id)
  }
  const sent = new Set<string>()
  for (const { id, outcome, value } of addings) {
    sent.add(value)
    if (outcome === 'done' && !ids.has(value)) found.push(`entry ${value} was acknowledged but is lost`)
    else if (outcome === 'done' && ids.get(value) !== id)
      found.push(`entry ${value} is not at ${id}, as its reply says`)
    if (outcome === 'none' && ids.has(value)) found.push(`entry ${value} was refused but is there`)
  }
  for (const { value } of entries) if (!sent.has(value)) found.push(`entry ${value} was never added`)
  for (const { consumer, id, value } of deliveries)
    if (values.get(id) !== value) found.push(`${consumer} got ${value} as ${id}, where there is ${values.get(id)}`)
  return found
}

function problemsOfDeliveries({ acknowledgements, deliveries }: GroupRecords): string[] {
  const found: string[] = []
  const consumers = new Map<string, string>()
  const acknowledgedMs = new Map<string, number>()
  for (const { endedMs, id, isFirst, outcome } of acknowledgements) {
    if (outcome !== 'done' || !isFirst) continue
    if (acknowledgedMs.has(id)) found.push(`${id} was acknowledged twice, and was pending each time`)
    acknowledgedMs.set(id, endedMs)
  }
  for (const { beganMs, consumer, how, id } of deliveries) {
    const first = how === 'new' ? consumers.get(id) : undefined
    if (first !== undefined) found.push(`${id} was delivered to ${first} and to ${consumer}, without a claim`)
    if (how === 'new') consumers.set(id, consumer)
    if ((acknowledgedMs.get(id) ?? Number.POSITIVE_INFINITY) < beganMs)
      found.push(`${consumer} got ${id}, which had been acknowledged`)
  }
  return found
}

function problemsOfGroup({ acknowledgements }: GroupRecords, state: GroupState): string[] {
  const { entries, lastDelivered, pending } = state
  const found: string[] = []
  const mayBeGone = new Set<string>()
  for (const { id, isFirst, outcome } of acknowledgements) {
    if (outcome === 'unknown' || isFirst) mayBeGone.add(id)
    if (outcome === 'done' && pending.has(id)) found.push(`${id} was acknowledged, and is pending`)
  }
  for (const { id } of entries) {
    const isPast = compareIds(id, lastDelivered) <= 0
    if (isPast && !pending.has(id) && !mayBeGone.has(id))
      found.push(`${id} is before the group's place, and no consumer has it`)
    if (!isPast && pending.has(id)) found.push(`${id} is pending, and the group's place is before it`)
  }
  return found
}

function compareIds(one: string, other: string): number {
  const [ms = 0, sequence = 0] = one.split('-').map(Number)
  const [otherMs = 0, otherSequence = 0] = other.split('-').map(Number)
  return ms - otherMs || sequence - otherSequence
}
