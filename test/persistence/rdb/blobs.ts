// Flattened structures of older servers, built by hand: what this server only reads.

import { ListpackBuilder } from '../../../src/persistence/rdb/listpack.ts'
import { Bytes, Source } from '../../../src/util/bytes/bytes.ts'
import { Crc64 } from '../../../src/util/bytes/crc64.ts'

/** An element: text, or an integer written in a width of choice. */
export type Element = string | { integer: bigint; as: 'immediate' | 8 | 16 | 24 | 32 | 64 }

export function ziplist(...elements: Element[]): string {
  let body = ''
  let previous = 0
  let last = 10
  for (const element of elements) {
    const entry = (previous < 254 ? byte(previous) : `\xfe${uint32(previous)}`) + ziplistEntry(element)
    last = 10 + body.length
    body += entry
    previous = entry.length
  }
  return `${uint32(11 + body.length) + uint32(last) + uint16(elements.length) + body}\xff`
}

function ziplistEntry(element: Element): string {
  if (typeof element === 'string') {
    const { length } = element
    if (length < 64) return byte(length) + element
    if (length < 16384) return byte(0x40 | (length >> 8)) + byte(length & 255) + element
    return `\x80${uint32(length).split('').reverse().join('')}${element}`
  }
  const { integer, as } = element
  if (as === 'immediate') return byte(0xf1 + Number(integer))
  const heads = { 8: 0xfe, 16: 0xc0, 24: 0xf0, 32: 0xd0, 64: 0xe0 }
  return byte(heads[as]) + little(integer, as / 8)
}

export function zipmap(...pairs: [field: string, value: string, unused?: number][]): string {
  const length = (text: string) => (text.length < 254 ? byte(text.length) : `\xfe${uint32(text.length)}`)
  const body = pairs.map(
    ([field, value, unused = 0]) => length(field) + field + length(value) + byte(unused) + value + '?'.repeat(unused),
  )
  return `${byte(Math.min(pairs.length, 254))}${body.join('')}\xff`
}

export function listpack(...elements: (string | number)[]): string {
  const builder = new ListpackBuilder().begin()
  for (const element of elements) {
    if (typeof element === 'number') builder.addInteger(element)
    else builder.add(Bytes.from(element))
  }
  return builder.end().toString()
}

export function intset(width: 2 | 4 | 8, ...members: bigint[]): string {
  return uint32(width) + uint32(members.length) + members.map((member) => little(member, width)).join('')
}

/** A string as it stands in a payload. */
export function string(text: string): string {
  return length(text.length) + text
}

export function length(value: number): string {
  return value < 64 ? byte(value) : `\x80${uint32(value).split('').reverse().join('')}`
}

/** A payload with its footer. */
export function payload(type: number, content: string, version = 10): string {
  const body = Buffer.from(byte(type) + content + uint16(version), 'latin1')
  const footer = Source.allocate(8)
  new Crc64().update(new Source(body), 0, body.length).writeTo(footer, 0)
  return body.toString('latin1') + footer.u8.toString('latin1')
}

/** A stream of two entries, with a group of two consumers, as types 15, 19 and 21 hold it. */
export function stream(type: 15 | 19 | 21): string {
  const id = (ms: number, seq: number) => big(ms) + big(seq)
  const node = listpack(2, 0, 1, 'f', 0, 2, 0, 0, 'v', 4, 0, 5, 1, 1, 'g', 'w', 6)
  const numbers = `\x02\x06\x01${type === 15 ? '' : '\x01\0\x03\0\x07'}`
  const time = little(1_700_000_000_000n, 8)
  const pending = `\x02${id(1, 0)}${time}\x01${id(6, 1)}${time}\x03`
  const consumer = (name: string, ...ids: string[]) =>
    string(name) + time + (type === 21 ? time : '') + length(ids.length) + ids.join('')
  const group = `${string('group')}\x06\x01${type === 15 ? '' : '\x07'}${pending}\x02${consumer('a', id(6, 1))}${consumer('b', id(1, 0))}`
  return `\x01${string(id(1, 0))}${string(node)}${numbers}\x01${group}`
}

function big(value: number): string {
  return little(BigInt(value), 8).split('').reverse().join('')
}

export function double(value: number): string {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleLE(value)
  return bytes.toString('latin1')
}

export function little(value: bigint, bytes: number): string {
  let text = ''
  for (let i = 0; i < bytes; i++) text += byte(Number((value >> BigInt(8 * i)) & 255n))
  return text
}

export const byte = (value: number): string => String.fromCharCode(value)
export const uint16 = (value: number): string => little(BigInt(value), 2)
export const uint32 = (value: number): string => little(BigInt(value), 4)
