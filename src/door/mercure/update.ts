// An update of Mercure: how it is posted, how it lies in its channel, and how it is sent.
//
// The channel holds it as JSON. Its id is that of the message, as a fragment:
// `#1700000000000-0`. Mercure lets a hub give ids of its own.

import type { StreamMessage } from '../clients/stream-client.ts'
import { HttpError } from '../exchanges/http-error.ts'
import { dataLines } from '../streams/event-text.ts'
import { TOPIC_CHARACTERS_MAX } from './topic-selectors.ts'

/** All updates are in one channel, so that one that has several topics is kept and sent once. */
export const HUB_CHANNEL = 'mercure'
export const HUB_PATH = '/.well-known/mercure'
const TOPICS_MAX = 64
/** A relative topic is read beside the hub. */
const ANY_BASE = 'http://hub/'

export interface Update {
  /** The first is the canonical one. */
  readonly topics: readonly string[]
  readonly data: string
  readonly isPrivate: boolean
  /** The name of the event; empty = none. */
  readonly type: string
  /** Milliseconds after which a browser reconnects; undefined = no change. */
  readonly retry: number | undefined
}

/** Reads the form of a POST. Throws HttpError. */
export function updateOf(form: URLSearchParams): Update {
  const topics = form.getAll('topic')
  if (topics.length === 0 || topics.length > TOPICS_MAX || !topics.every(isTopic))
    throw new HttpError(400, `an update has 1 to ${TOPICS_MAX} parameters 'topic'`)
  if (topics.some(isOfHub)) throw new HttpError(403, 'the topics of the hub itself are its own')
  const type = form.get('type') ?? ''
  // A line of its own would be another field of the event.
  if (/[\r\n]/.test(type)) throw new HttpError(400, "'type' is one line")
  const retry = form.get('retry')
  if (retry !== null && !/^\d{1,9}$/.test(retry)) throw new HttpError(400, "'retry' is a number of milliseconds")
  if (form.get('id')?.startsWith('#') === true) throw new HttpError(400, "'id' does not begin with #")
  return {
    topics,
    data: form.get('data') ?? '',
    isPrivate: form.has('private'),
    type,
    retry: retry === null ? undefined : Number(retry),
  }
}

function isTopic(topic: string): boolean {
  return topic !== '' && topic.length <= TOPIC_CHARACTERS_MAX
}

/** Tells whether a topic lies below the hub's own path, under which subscriptions are announced. */
function isOfHub(topic: string): boolean {
  const path = URL.canParse(topic, ANY_BASE) ? new URL(topic, ANY_BASE).pathname : topic
  return path === HUB_PATH || path.startsWith(`${HUB_PATH}/`)
}

/** Returns an update as the message that its channel keeps. */
export function messageOf({ topics, data, isPrivate, type, retry }: Update): string {
  return JSON.stringify({ topics, data, private: isPrivate, type, retry })
}

/** Reads a message of the channel; undefined if it is not an update. */
export function readUpdate({ text }: StreamMessage): Update | undefined {
  try {
    const { data, private: isPrivate, retry, topics, type } = JSON.parse(text) as Record<string, unknown>
    if (!Array.isArray(topics) || typeof data !== 'string' || typeof type !== 'string') return undefined
    if (/[\r\n]/.test(type)) return undefined
    const retryMs = typeof retry === 'number' ? retry : undefined
    return { topics: topics.map(String), data, isPrivate: isPrivate !== false, type, retry: retryMs }
  } catch {
    return undefined
  }
}

/** Returns an update as an event. */
export function updateEvent({ data, retry, type }: Update, id: string | undefined): string {
  const head = id === undefined ? '' : `id: #${id}\n`
  const name = type === '' ? '' : `event: ${type}\n`
  const pause = retry === undefined ? '' : `retry: ${retry}\n`
  return `${head}${name}${pause}${dataLines(data)}\n`
}
