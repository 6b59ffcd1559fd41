// The active subscriptions of the hub: the selectors of each stream, and its subscriber.
//
//   /.well-known/mercure/subscriptions                      all
//   /.well-known/mercure/subscriptions/SELECTOR             those by one selector
//   /.well-known/mercure/subscriptions/SELECTOR/SUBSCRIBER  one
//
// With `http-mercure-subscriptions` each begin and each end is an update too. It is private, and its
// topic is the path of the subscription. So a token that selects this path sees both.

import { randomUUID } from 'node:crypto'
import { segmentsOf } from '../routes/names.ts'
import { HUB_PATH, type Update } from './update.ts'

export const SUBSCRIPTIONS_PATH = `${HUB_PATH}/subscriptions`

const CONTEXT = 'https://mercure.rocks/'

interface Subscription {
  /** Its path. */
  readonly id: string
  /** The selector. */
  readonly topic: string
  readonly subscriber: string
  /** Of the token's claim; undefined = there is none. */
  readonly payload: unknown
}

export class Subscriptions {
  readonly #all = new Map<string, Subscription>()
  readonly #tell: (update: Update) => void

  /** `tell` is called with the update of each subscription that begins or ends. */
  constructor(tell: (update: Update) => void) {
    this.#tell = tell
  }

  /** Notes a stream with these selectors. The returned function notes its end. */
  begin(selectors: readonly string[], payload: unknown): () => void {
    const subscriber = `urn:uuid:${randomUUID()}`
    const begun = [...new Set(selectors)].map((topic) => ({
      id: pathOf(topic, subscriber),
      topic,
      subscriber,
      payload,
    }))
    for (const subscription of begun) {
      this.#all.set(subscription.id, subscription)
      this.#tell(updateOf(subscription, true))
    }
    return () => {
      for (const subscription of begun) {
        this.#all.delete(subscription.id)
        this.#tell(updateOf(subscription, false))
      }
    }
  }

  /**
   * Returns the document under a path; undefined where there is none. `lastId`: the id of the last
   * update.
   */
  document(path: string, lastId: string): object | undefined {
    const [, , , topic = '', subscriber = '', ...more] = segmentsOf(path)
    if (more.length > 0) return undefined
    if (subscriber !== '') {
      const found = this.#all.get(pathOf(topic, subscriber))
      return found && { '@context': CONTEXT, ...shown(found, true), lastEventID: lastId }
    }
    const listed = [...this.#all.values()].filter((subscription) => topic === '' || subscription.topic === topic)
    return {
      '@context': CONTEXT,
      id: path,
      type: 'Subscriptions',
      lastEventID: lastId,
      subscriptions: listed.map((subscription) => shown(subscription, true)),
    }
  }
}

function pathOf(topic: string, subscriber: string): string {
  return `${SUBSCRIPTIONS_PATH}/${encodeURIComponent(topic)}/${encodeURIComponent(subscriber)}`
}

function shown({ id, payload, subscriber, topic }: Subscription, active: boolean): object {
  return { id, type: 'Subscription', topic, subscriber, active, payload }
}

function updateOf(subscription: Subscription, active: boolean): Update {
  const data = JSON.stringify({ '@context': CONTEXT, ...shown(subscription, active) })
  return { topics: [subscription.id], data, isPrivate: true, type: '', retry: undefined, id: undefined }
}
