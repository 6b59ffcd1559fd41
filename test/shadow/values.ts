// What a database holds, read through commands: facts of every key that are quick to compare, and whole values in parts.
//
// Facts are DEBUG DIGEST-VALUE where both sides are servers. They say nothing of a stream's groups, which XINFO adds, and
// nothing of when keys expire. Where the other side is the model, facts are hashes of the values' parts.

import { createHash } from 'node:crypto'
import { type Frame, frameBytes, frameText, printable } from '../differential/frames.ts'
import type { Link } from './link.ts'

/** How values are made comparable. */
export type Reading = 'digests' | 'parts'

/** What is known of a key: equal text means equal value. */
export interface Fact {
  readonly type: string
  readonly value: string
  /** PEXPIRETIME. */
  readonly expiry: string
  /** OBJECT ENCODING; empty where it is not asked. */
  readonly encoding: string
}

/** A piece of a value: `field "f"`, `entry 5-1`, `index 3`. */
export interface Part {
  readonly place: string
  readonly content: string
}

/** Keys that expire while they are looked at: only their absence is compared, after a silence. */
export const BRIEF = ':brief:'

const KEYS_AT_ONCE = 250

/** Names a key of a database. */
export const nameOf = (database: number, key: string): string => `${database} ${key}`

export interface ReadingOptions {
  readonly reading: Reading
  readonly databases: readonly number[]
  /** Added to a database's number where it is selected. */
  readonly shift?: number
  readonly encodings?: boolean
  /** Whether fields may have a time of their own, which redis-server 7.2 does not know. */
  readonly fieldExpiries?: boolean
}

/** Reads the facts of every key, by `nameOf`. */
export async function readFacts(link: Link, options: ReadingOptions): Promise<Map<string, Fact>> {
  const facts = new Map<string, Fact>()
  for (const database of options.databases) {
    const [, listed] = await link.ask([
      ['SELECT', String(database + (options.shift ?? 0))],
      ['KEYS', '*'],
    ])
    const keys = listed!.children.map(frameText).filter((key) => !key.includes(BRIEF))
    for (let i = 0; i < keys.length; i += KEYS_AT_ONCE) {
      const some = keys.slice(i, i + KEYS_AT_ONCE)
      const types = (await link.ask(some.map((key) => ['TYPE', key]))).map(frameText)
      const expiries = (await link.ask(some.map((key) => ['PEXPIRETIME', key]))).map(frameText)
      const encodings =
        options.encodings === true
          ? (await link.ask(some.map((key) => ['OBJECT', 'ENCODING', key]))).map(frameText)
          : some.map(() => '')
      const values =
        options.reading === 'digests'
          ? await readDigests(link, some, types, options.encodings === true)
          : (await readParts(link, some, types, options)).map(hashOf)
      some.forEach((key, at) => {
        const [type, value, expiry, encoding] = [types[at]!, values[at]!, expiries[at]!, encodings[at]!]
        facts.set(nameOf(database, key), { type, value, expiry, encoding })
      })
    }
  }
  return facts
}

async function readDigests(link: Link, keys: string[], types: string[], nodes: boolean): Promise<string[]> {
  const [digests] = await link.ask([['DEBUG', 'DIGEST-VALUE', ...keys]])
  const streams = keys.filter((_, i) => types[i] === 'stream')
  const told = await link.ask(streams.map((key) => ['XINFO', 'STREAM', key, 'FULL', 'COUNT', '0']))
  const groups = new Map(streams.map((key, i) => [key, withoutTimes(told[i]!, nodes)]))
  return keys.map((key, i) => {
    const digest = frameText(digests!.children[i]!)
    const group = groups.get(key)
    return group === undefined ? digest : `${digest} ${createHash('sha1').update(group, 'latin1').digest('hex')}`
  })
}

/** What XINFO STREAM FULL says besides times; `nodes`: also how its entries lie in memory. */
function withoutTimes(frame: Frame, nodes: boolean): string {
  let text = ''
  for (let i = 0; i + 1 < frame.children.length; i += 2) {
    const name = frameText(frame.children[i]!)
    const value = frame.children[i + 1]!
    // The digest has them.
    if (name === 'entries' || (!nodes && name.startsWith('radix-tree-'))) continue
    text += `${name} ${name === 'groups' ? value.children.map(groupText).join('') : frameBytes(value)}\n`
  }
  return text
}

function groupText(group: Frame): string {
  const fields = fieldsOf(group)
  const consumers = fields.get('consumers')!.children.map((consumer) => {
    const about = fieldsOf(consumer)
    const pending = about
      .get('pending')!
      .children.map(({ children }) => frameBytes(children[0]!) + frameBytes(children[2]!))
    return `${frameBytes(about.get('name')!)} ${pending.join('')}`
  })
  const pending = fields
    .get('pending')!
    .children.map(({ children }) => frameBytes(children[0]!) + frameBytes(children[1]!) + frameBytes(children[3]!))
  const numbers = ['name', 'last-delivered-id', 'entries-read', 'lag', 'pel-count'].map((name) =>
    frameBytes(fields.get(name)!),
  )
  return `${numbers.join('')}\n${pending.join('')}\n${consumers.join('\n')}\n`
}

function fieldsOf(frame: Frame): Map<string, Frame> {
  const fields = new Map<string, Frame>()
  for (let i = 0; i + 1 < frame.children.length; i += 2) {
    fields.set(frameText(frame.children[i]!), frame.children[i + 1]!)
  }
  return fields
}

// ── whole values ────────────────────────────────────────────────────────────

const CONTENT_COMMANDS: Record<string, (key: string) => string[]> = {
  string: (key) => ['GET', key],
  list: (key) => ['LRANGE', key, '0', '-1'],
  hash: (key) => ['HGETALL', key],
  set: (key) => ['SMEMBERS', key],
  zset: (key) => ['ZRANGE', key, '0', '-1', 'WITHSCORES'],
  stream: (key) => ['XINFO', 'STREAM', key, 'FULL', 'COUNT', '0'],
}

/** Reads the parts of one value, with all that a digest says of it; undefined when there is no such key. */
export async function readValue(
  link: Link,
  database: number,
  key: string,
  reading: Reading,
): Promise<Part[] | undefined> {
  const [, type] = await link.ask([
    ['SELECT', String(database)],
    ['TYPE', key],
  ])
  if (frameText(type!) === 'none') return undefined
  const [parts] = await readParts(link, [key], [frameText(type!)], { counts: reading === 'digests' })
  return parts
}

async function readParts(
  link: Link,
  keys: readonly string[],
  types: readonly string[],
  { fieldExpiries = false, counts = false }: { fieldExpiries?: boolean; counts?: boolean },
): Promise<Part[][]> {
  const gone = (key: string): string[] => ['EXISTS', key]
  const replies = await link.ask(keys.map((key, i) => (CONTENT_COMMANDS[types[i]!] ?? gone)(key)))
  const all = replies.map((reply, i) => partsOf(types[i]!, reply, counts))
  if (!fieldExpiries) return all
  const hashes = keys.flatMap((_, i) => (types[i] === 'hash' ? [i] : []))
  const fields = hashes.map((i) => pairs(replies[i]!).map(([field]) => frameText(field)))
  const times = await link.ask(
    hashes.map((i, at) => ['HPEXPIRETIME', keys[i]!, 'FIELDS', String(fields[at]!.length), ...fields[at]!]),
  )
  hashes.forEach((i, at) => {
    times[at]!.children.forEach((time, n) => {
      if (frameText(time) !== '-1') all[i]!.push({ place: expiryPlace(fields[at]![n]!), content: frameText(time) })
    })
  })
  return all
}

export const fieldPlace = (field: string): string => `field ${printable(field, 30)}${shortHash(field)}`
export const expiryPlace = (field: string): string => `expiry of field ${printable(field, 30)}${shortHash(field)}`
export const memberPlace = (member: string): string => `member ${printable(member, 30)}${shortHash(member)}`

/** Two long names may begin alike. */
const shortHash = (text: string): string =>
  text.length <= 30 ? '' : ` ${createHash('sha1').update(text, 'latin1').digest('hex').slice(0, 8)}`

/** Cuts what a server told of a value into parts. */
function partsOf(type: string, reply: Frame, counts: boolean): Part[] {
  switch (type) {
    case 'string':
      return [{ place: 'the string', content: frameText(reply) }]
    case 'list':
      return reply.children.map((element, i) => ({ place: `index ${i}`, content: frameText(element) }))
    case 'hash':
      return pairs(reply).map(([field, value]) => ({ place: fieldPlace(frameText(field)), content: frameText(value) }))
    case 'set':
      return reply.children.map((member) => ({ place: memberPlace(frameText(member)), content: frameText(member) }))
    case 'zset':
      return pairs(reply).map(([member, score]) => ({
        place: memberPlace(frameText(member)),
        content: `${frameText(member)} ${frameText(score)}`,
      }))
    case 'stream':
      return streamParts(reply, counts)
    default:
      return []
  }
}

const STREAM_FIGURES = ['max-deleted-entry-id', 'entries-added', 'recorded-first-entry-id', 'radix-tree-keys', 'radix-tree-nodes'] // biome-ignore format: a list

/** `counts`: also the figures that the model has not. */
function streamParts(reply: Frame, counts: boolean): Part[] {
  const fields = fieldsOf(reply)
  const parts: Part[] = fields.get('entries')!.children.map(({ children: [id, content] }) => ({
    place: `entry ${frameText(id!)}`,
    content: JSON.stringify(content!.children.map(frameText)),
  }))
  parts.push({ place: 'last id', content: frameText(fields.get('last-generated-id')!) })
  for (const figure of counts ? STREAM_FIGURES : [])
    parts.push({ place: figure, content: frameText(fields.get(figure)!) })
  for (const frame of fields.get('groups')!.children) {
    const group = fieldsOf(frame)
    const name = printable(frameText(group.get('name')!))
    parts.push({ place: `last delivered of group ${name}`, content: frameText(group.get('last-delivered-id')!) })
    for (const figure of counts ? ['entries-read', 'lag'] : [])
      parts.push({ place: `${figure} of group ${name}`, content: frameText(group.get(figure)!) })
    for (const { children } of group.get('pending')!.children) {
      const [id, consumer, , count] = children
      parts.push({
        place: `pending ${frameText(id!)} of group ${name}`,
        content: `${frameText(consumer!)} ${frameText(count!)}`,
      })
    }
    for (const consumer of group.get('consumers')!.children) {
      const about = fieldsOf(consumer)
      const ids = about.get('pending')!.children.map(({ children }) => frameText(children[0]!))
      parts.push({ place: `consumer ${frameText(about.get('name')!)} of group ${name}`, content: ids.join(' ') })
    }
  }
  return parts
}

function pairs(reply: Frame): [Frame, Frame][] {
  const all: [Frame, Frame][] = []
  for (let i = 0; i + 1 < reply.children.length; i += 2) all.push([reply.children[i]!, reply.children[i + 1]!])
  return all
}

/** The same for the same parts, in whatever order. */
export function hashOf(parts: readonly Part[]): string {
  const lines = parts.map(({ place, content }) => `${place.length}:${place}${content}`).sort()
  const hash = createHash('sha1')
  for (const line of lines) hash.update(`${line.length}:${line}`, 'latin1')
  return hash.digest('hex')
}

/** Says where two values differ, at most three of the places; empty when they do not. */
export function describeParts(ours: readonly Part[] | undefined, theirs: readonly Part[] | undefined): string[] {
  if (ours === undefined || theirs === undefined) {
    if (ours === theirs) return []
    return [ours === undefined ? 'the key is missing here' : 'the key should not be there']
  }
  const left = new Map(ours.map(({ place, content }) => [place, content]))
  const right = new Map(theirs.map(({ place, content }) => [place, content]))
  const places = [...new Set([...right.keys(), ...left.keys()])].filter((place) => left.get(place) !== right.get(place))
  const shown = places.slice(0, 3).flatMap((place) => {
    const [a, b] = [left.get(place), right.get(place)]
    let at = 0
    while (a !== undefined && b !== undefined && at < b.length && a[at] === b[at]) at++
    const show = (text: string | undefined): string =>
      text === undefined ? 'nothing' : `${printable(text.slice(at, at + 40))} (of ${text.length} bytes)`
    return [`${place}, from byte ${at}:`, `  ours:     ${show(a)}`, `  expected: ${show(b)}`]
  })
  return [`${places.length} of ${right.size} parts differ`, ...shown]
}
