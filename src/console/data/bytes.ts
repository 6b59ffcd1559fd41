// Texts of the API that may be bytes, and bytes as hexadecimal.

import type { Reply, Text } from './api.ts'

export function isText(value: unknown): value is Text {
  return typeof value === 'string' || (typeof value === 'object' && value !== null && 'base64' in value)
}

export function bytesOf(text: Text): Uint8Array {
  if (typeof text === 'string') return new TextEncoder().encode(text)
  return Uint8Array.from(atob(text.base64), (char) => char.charCodeAt(0))
}

/** A text for reading: bytes that are no UTF-8 are escaped as redis-cli does. */
export function readable(value: Reply | undefined): string {
  if (value === null || value === undefined) return ''
  if (typeof value === 'string' || typeof value === 'number') return String(value)
  if (isText(value)) {
    let text = ''
    for (const byte of bytesOf(value))
      text += byte >= 32 && byte < 127 ? String.fromCharCode(byte) : `\\x${byte.toString(16).padStart(2, '0')}`
    return text
  }
  return JSON.stringify(value)
}

/** A key, for an address of the page: base64 behind a mark where it is no UTF-8. */
export function nameOf(text: Text): string {
  return typeof text === 'string' ? text : `\u0000${text.base64}`
}

export function textOf(name: string): Text {
  return name.startsWith('\u0000') ? { base64: name.slice(1) } : name
}

/** Lines of an offset, sixteen bytes and their characters. */
export function hexLines(bytes: Uint8Array, max: number): string {
  const rows: string[] = []
  for (let at = 0; at < Math.min(bytes.length, max); at += 16) {
    const row = bytes.subarray(at, at + 16)
    const hex = [...row].map((byte) => byte.toString(16).padStart(2, '0')).join(' ')
    const chars = [...row].map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '.')).join('')
    rows.push(`${at.toString(16).padStart(6, '0')}  ${hex.padEnd(47)}  ${chars}`)
  }
  return rows.join('\n')
}
