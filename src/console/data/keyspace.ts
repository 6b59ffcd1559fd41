// The keys that SCAN has found, and the tree that their names make.

import { command, commands, type Reply, type Text } from './api.ts'
import { nameOf, readable } from './bytes.ts'
import { listOf } from './replies.ts'

/** One round asks for so many steps of SCAN, and stops when it has found so many keys. */
const STEP_COUNT = 1000
const STEPS_AT_ONCE = 8

export interface Scan {
  readonly keys: readonly Text[]
  /** `0`: all keys were walked. */
  readonly cursor: string
  /** About how many keys SCAN has walked past. */
  readonly walked: number
}

export const SCAN_BEGIN: Scan = { keys: [], cursor: '', walked: 0 }

/** Goes on until `found` more keys were found, the walk is over or `signal` ends it; tells each round. */
export async function scan(
  before: Scan,
  { match, type, db, found }: { match: string; type: string; db: number; found: number },
  { signal, take }: { signal: AbortSignal; take: (scan: Scan) => void },
): Promise<void> {
  const seen = new Set(before.keys.map(nameOf))
  const keys = [...before.keys]
  const wanted = keys.length + found
  let { walked } = before
  let cursor = before.cursor === '' ? '0' : before.cursor
  for (let step = 0; !signal.aborted; step++) {
    const words = [
      'SCAN',
      cursor,
      'COUNT',
      STEP_COUNT,
      ...(match === '' ? [] : ['MATCH', match]),
      ...(type === '' ? [] : ['TYPE', type]),
    ]
    const [next, names] = listOf(await command(words, db))
    cursor = readable(next)
    walked += STEP_COUNT
    for (const name of listOf(names) as readonly Text[]) {
      if (seen.has(nameOf(name))) continue
      seen.add(nameOf(name))
      keys.push(name)
    }
    const isOver = cursor === '0' || keys.length >= wanted
    if (isOver || step % STEPS_AT_ONCE === 0) take({ keys: [...keys], cursor, walked })
    if (isOver) return
  }
}

export interface Branch {
  /** What the names of the branch begin with. */
  readonly prefix: string
  readonly label: string
  readonly depth: number
  readonly count: number
  /** The key, where the line is one. */
  readonly key: Text | undefined
}

interface Node {
  readonly children: Map<string, Node>
  readonly keys: Text[]
  count: number
}

const newNode = (): Node => ({ children: new Map(), keys: [], count: 0 })

/** The lines of the tree: a branch that is not in `open` hides what lies in it. */
export function treeOf(keys: readonly Text[], open: ReadonlySet<string>): Branch[] {
  const root = newNode()
  for (const key of keys) {
    const parts = readable(key).split(':')
    let node = root
    node.count++
    for (const part of parts.slice(0, -1)) {
      let next = node.children.get(part)
      if (next === undefined) {
        next = newNode()
        node.children.set(part, next)
      }
      node = next
      node.count++
    }
    node.keys.push(key)
  }
  const lines: Branch[] = []
  const add = (node: Node, prefix: string, depth: number): void => {
    for (const [part, child] of [...node.children].sort(([a], [b]) => a.localeCompare(b))) {
      const path = `${prefix}${part}:`
      lines.push({ prefix: path, label: `${part}:`, depth, count: child.count, key: undefined })
      if (open.has(path)) add(child, path, depth + 1)
    }
    const named = node.keys.map((key) => [readable(key), key] as const).sort(([a], [b]) => a.localeCompare(b))
    for (const [name, key] of named)
      lines.push({ prefix: name, label: name.slice(prefix.length) || '(empty)', depth, count: 1, key })
  }
  add(root, '', 0)
  return lines
}

export interface KeyFacts {
  readonly type: string
  readonly ttlMs: number
  readonly encoding: string
  readonly memory: number | null
  readonly length: number | null
  /** Fields, elements or members: names and values; undefined: the value is `text`. */
  readonly entries: readonly (readonly [name: string, value: Text])[] | undefined
  readonly text: Text | undefined
}

const LENGTHS: Readonly<Record<string, string>> = {
  string: 'STRLEN',
  hash: 'HLEN',
  list: 'LLEN',
  set: 'SCARD',
  zset: 'ZCARD',
  stream: 'XLEN',
}
const SHOWN = 200
const STRING_BYTES_MAX = 1_000_000

function reading(type: string, key: Text): (string | number | Text)[] {
  switch (type) {
    case 'hash':
      return ['HSCAN', key, 0, 'COUNT', SHOWN]
    case 'list':
      return ['LRANGE', key, 0, SHOWN - 1]
    case 'set':
      return ['SSCAN', key, 0, 'COUNT', SHOWN]
    case 'zset':
      return ['ZRANGE', key, 0, SHOWN - 1, 'WITHSCORES']
    case 'stream':
      return ['XREVRANGE', key, '+', '-', 'COUNT', SHOWN]
    default:
      return ['GETRANGE', key, 0, STRING_BYTES_MAX - 1]
  }
}

/** What can be known of a key; null = there is none. */
export async function readKey(key: Text, db: number): Promise<KeyFacts | null> {
  const type = readable(await command(['TYPE', key], db))
  if (type === 'none') return null
  const replies = await commands(
    [
      ['PTTL', key],
      ['OBJECT', 'ENCODING', key],
      ['MEMORY', 'USAGE', key],
      [LENGTHS[type] ?? 'EXISTS', key],
      reading(type, key),
    ],
    db,
  )
  const [ttl, encoding, memory, length, value] = replies
  if (value instanceof Error) throw value
  const number = (reply: unknown): number | null => (typeof reply === 'number' ? reply : null)
  const common = {
    type,
    ttlMs: number(ttl) ?? -1,
    encoding: encoding instanceof Error ? '' : readable(encoding),
    memory: number(memory),
    length: number(length),
  }
  if (type === 'string') return { ...common, entries: undefined, text: value as Text }
  return { ...common, entries: entriesOf(type, value ?? null), text: undefined }
}

function entriesOf(type: string, reply: Reply): (readonly [string, Text])[] {
  const list = listOf(reply)
  if (type === 'stream')
    return list.map((entry) => [readable(listOf(entry)[0]), JSON.stringify(fieldsOf(listOf(listOf(entry)[1])))])
  if (type === 'list') return list.map((each, i) => [String(i), each as Text])
  if (type === 'set') return listOf(list[1]).map((each, i) => [String(i + 1), each as Text])
  const flat = type === 'hash' ? listOf(list[1]) : list
  const pairs: (readonly [string, Text])[] = []
  for (let i = 0; i + 1 < flat.length; i += 2)
    pairs.push(type === 'zset' ? [readable(flat[i + 1]), flat[i] as Text] : [readable(flat[i]), flat[i + 1] as Text])
  return pairs
}

function fieldsOf(flat: readonly Reply[]): Record<string, string> {
  const fields: Record<string, string> = {}
  for (let i = 0; i + 1 < flat.length; i += 2) fields[readable(flat[i])] = readable(flat[i + 1])
  return fields
}
