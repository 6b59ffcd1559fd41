// Prints replies as redis-cli does: formatted for people (numbered, quoted), raw for programs, as
// CSV or as JSON.

import { itemAt } from '../../util/array-reads.ts'
import { quoted } from '../../util/bytes/quoted.ts'
import { pairsIn } from './pairs.ts'
import type { Reply } from './reply.ts'

export type Format = 'people' | 'raw' | 'csv' | 'json'

/** The text between the elements of a raw reply, and the text behind each raw reply. */
export interface RawMarks {
  readonly separator: string
  readonly end: string
}

const LINES: RawMarks = { separator: '\n', end: '\n' }

/**
 * Returns the printed form of a reply, latin1; `plain` = the reply is a text with its own line
 * ends, as INFO's.
 */
export function printed(reply: Reply, format: Format, plain = false, marks: RawMarks = LINES): string {
  if (plain) return raw(reply, marks.separator)
  if (format === 'json') return `${json(reply)}\n`
  if (format === 'csv') return `${csv(reply)}\n`
  return format === 'raw' ? `${raw(reply, marks.separator)}${marks.end}` : forPeople(reply, '')
}

/** How the elements of each kind of container are numbered, and the text for an empty one. */
const CONTAINERS: Readonly<Record<string, { separator: string; empty: string }>> = {
  '*': { separator: ')', empty: '(empty array)' },
  '%': { separator: '#', empty: '(empty hash)' },
  '~': { separator: '~', empty: '(empty set)' },
  '>': { separator: ')', empty: '(empty push)' },
}

function forPeople(reply: Reply, indent: string): string {
  const container = CONTAINERS[reply.type]
  if (container === undefined) return `${scalarForPeople(reply)}\n`
  const { items, type } = reply
  if (items.length === 0) return `${container.empty}\n`
  const step = type === '%' ? 2 : 1
  const width = String(items.length / step).length
  const inner = indent + ' '.repeat(width + 2)
  let text = ''
  for (let i = 0; i < items.length; i += step) {
    const number = String(i / step + 1).padStart(width)
    text += `${i === 0 ? '' : indent}${number}${container.separator} `
    const item = forPeople(itemAt(items, i), inner)
    text += step === 1 ? item : `${item.slice(0, -1)} => ${forPeople(itemAt(items, i + 1), inner)}`
  }
  return text
}

function scalarForPeople({ type, bytes }: Reply): string {
  const text = bytes.toString('latin1')
  switch (type) {
    case '-':
    case '!':
      return `(error) ${text}`
    case ':':
      return `(integer) ${text}`
    case ',':
      return `(double) ${text}`
    case '$':
      return quoted(text)
    case '=':
      return text.slice(4)
    case '_':
      return '(nil)'
    case '#':
      return text === 't' ? '(true)' : '(false)'
    default:
      return text
  }
}

function raw(reply: Reply, separator: string): string {
  const { type, bytes, items } = reply
  switch (type) {
    case '*':
    case '~':
    case '>':
      return items.map((item) => raw(item, separator)).join(separator)
    case '%': {
      const lines: string[] = []
      for (const [key, value] of pairsIn(items)) lines.push(`${raw(key, separator)} ${raw(value, separator)}`)
      return lines.join(separator)
    }
    case '-':
    case '!':
      return `${bytes.toString('latin1')}\n`
    case '=':
      return bytes.toString('latin1', 4)
    case '#':
      return bytes.toString('latin1') === 't' ? '(true)' : '(false)'
    default:
      return bytes.toString('latin1')
  }
}

function csv({ bytes, items, type }: Reply): string {
  const text = bytes.toString('latin1')
  switch (type) {
    case '*':
    case '~':
    case '>':
    case '%':
      return items.map(csv).join(',')
    case ':':
    case ',':
      return text
    case '_':
      return 'NULL'
    case '#':
      return text === 't' ? 'true' : 'false'
    case '-':
    case '!':
      return `ERROR,${quoted(text)}`
    default:
      return quoted(type === '=' ? text.slice(4) : text)
  }
}

function json(reply: Reply): string {
  const { type, bytes, items } = reply
  const text = bytes.toString('latin1')
  switch (type) {
    case '*':
    case '~':
    case '>':
      return `[${items.map(json).join(',')}]`
    case '%': {
      const members: string[] = []
      for (const [name, value] of pairsIn(items)) {
        const key = json(name)
        // The name of a member is a string in JSON.
        members.push(`${key.startsWith('"') ? key : JSON.stringify(key)}:${json(value)}`)
      }
      return `{${members.join(',')}}`
    }
    case ':':
    case ',':
    case '(':
      // JSON has no infinity.
      return /^-?(inf|nan)$/.test(text) ? `"${text}"` : text
    case '_':
      return 'null'
    case '#':
      return text === 't' ? 'true' : 'false'
    case '-':
    case '!':
      return `error:${jsonText(bytes)}`
    default:
      return jsonText(type === '=' ? bytes.subarray(4) : bytes)
  }
}

/** JSON is UTF-8, and the printer works with bytes as latin1. */
function jsonText(bytes: Buffer): string {
  return Buffer.from(JSON.stringify(bytes.toString('utf8')), 'utf8').toString('latin1')
}
