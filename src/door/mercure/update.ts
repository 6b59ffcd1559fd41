// An update of Mercure: how it is posted, how it lies in its channel, and how it is sent.
//
// The channel holds it as JSON. Its id is the one that the publisher gave, or that of the message, as
// a fragment: `#1700000000000-0`. An update that is not kept gets a UUID.

import type { StreamMessage } from '../clients/stream-client.ts'
import { HttpError } from '../exchanges/http-error.ts'
import { dataLines } from '../streams/event-text.ts'
import { TOPIC_CHARACTERS_MAX } from './topic-selectors.ts'

/** All updates are in one channel, so that one that has several topics is kept and sent once. */
export const HUB_CHANNEL = 'mercure'
export const HUB_PATH = '/.well-known/mercure'
const TOPICS_MAX = 64
const ID_CHARACTERS_MAX = 1024
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
  /** Of the publisher, or of the hub where nothing is kept; undefined = that of the message. */
  readonly id: string | undefined
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
  const id = form.get('id') ?? ''
  if (id !== '' && !isId(id))
    throw new HttpError(400, `'id' is one line of 1 to ${ID_CHARACTERS_MAX} characters and does not begin with #`)
  return {
    topics,
    data: form.get('data') ?? '',
    isPrivate: form.has('private'),
    type,
    retry: retry === null ? undefined : Number(retry),
    id: id === '' ? undefined : id,
  }
}

/** Tells whether an id may be of a publisher: those of the hub begin with #, and `earliest` is a word of its own. */
function isId(id: string): boolean {
  return id.length <= ID_CHARACTERS_MAX && !id.startsWith('#') && id !== 'earliest' && !hasControls(id)
}

function hasControls(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) < 32 || text.charCodeAt(i) === 127) return true
  return false
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
export function messageOf({ topics, data, isPrivate, type, retry, id }: Update): string {
  return JSON.stringify({ id, topics, data, private: isPrivate, type, retry })
}

/** Returns the id that a publisher gave an update, of its message; undefined = none. */
export function idWithin(message: string): string | undefined {
  return message.startsWith('{"id":') ? readUpdate({ text: message })?.id : undefined
}

/** Reads a message of the channel; undefined if it is not an update. */
export function readUpdate({ text }: Pick<StreamMessage, 'text'>): Update | undefined {
  try {
    const { data, id, private: isPrivate, retry, topics, type } = JSON.parse(text) as Record<string, unknown>
    if (!Array.isArray(topics) || typeof data !== 'string' || typeof type !== 'string') return undefined
    if (/[\r\n]/.test(type)) return undefined
    const retryMs = typeof retry === 'number' ? retry : undefined
    const own = typeof id === 'string' && isId(id) ? id : undefined
    return { topics: topics.map(String), data, isPrivate: isPrivate !== false, type, retry: retryMs, id: own }
  } catch {
    return undefined
  }
}

/** Returns an update as an event. */
export function updateEvent({ data, id: own, retry, type }: Update, id: string | undefined): string {
  const shown = own ?? (id === undefined ? undefined : `#${id}`)
  const head = shown === undefined ? '' : `id: ${shown}\n`
  const name = type === '' ? '' : `event: ${type}\n`
  const pause = retry === undefined ? '' : `retry: ${retry}\n`
  return `${head}${name}${pause}${dataLines(data)}\n`
}
