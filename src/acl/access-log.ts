// The entries of ACL LOG: refused requests and logins, the newest first.
//
// A refusal that repeats within a minute is counted in its first entry, if that is among the ten
// newest. Clients choose the texts, before any login too. So texts are cut, and `acllog-max-len`
// bounds the number of entries.

import { itemAt } from '../util/array-reads.ts'

export type DenialReason = 'command' | 'key' | 'channel' | 'auth'
export type DenialContext = 'toplevel' | 'multi' | 'lua'

/** The reason of the refusal. */
export interface Denied {
  readonly reason: DenialReason
  readonly context: DenialContext
  /** The command, key or channel. For `auth`, the command's name as it was sent. */
  readonly object: string
  readonly username: string
}

export interface AccessLogEntry extends Denied {
  readonly id: number
  readonly createdMs: number
  count: number
  updatedMs: number
  /** The client as CLIENT LIST shows it, at the last refusal. */
  clientInfo: string
}

const GROUPED_WITHIN_MS = 60_000
const GROUPED_AMONG = 10
/** Bytes that are kept of a name that a client sent. */
export const LOGGED_BYTES_MAX = 4096

/** Size of an entry without its texts. */
const ENTRY_BYTES = 240

export class AccessLog {
  /** Bytes of all entries. */
  bytes = 0
  /** Newest entry last. */
  readonly #entries: AccessLogEntry[] = []
  #nextId = 0

  get length(): number {
    return this.#entries.length
  }

  /** Adds a refusal, or counts it in an equal entry. Keeps at most `lengthMax` entries. */
  add(denied: Denied, clientInfo: string, nowMs: number, lengthMax: number): void {
    const entries = this.#entries
    const oldest = Math.max(0, entries.length - GROUPED_AMONG)
    for (let i = entries.length - 1; i >= oldest; i--) {
      const entry = itemAt(entries, i)
      if (!isSame(entry, denied) || Math.abs(nowMs - entry.updatedMs) > GROUPED_WITHIN_MS) continue
      entries.splice(i, 1)
      entry.count++
      entry.updatedMs = nowMs
      this.bytes += clientInfo.length - entry.clientInfo.length
      entry.clientInfo = clientInfo
      entries.push(entry)
      return
    }
    const entry = { ...denied, id: this.#nextId++, createdMs: nowMs, count: 1, updatedMs: nowMs, clientInfo }
    entries.push(entry)
    this.bytes += bytesOf(entry)
    if (entries.length <= lengthMax) return
    for (const old of entries.splice(0, entries.length - lengthMax)) this.bytes -= bytesOf(old)
  }

  /** Returns the newest `count` entries, the newest first. */
  newest(count: number): AccessLogEntry[] {
    return count === 0 ? [] : this.#entries.slice(-count).reverse()
  }

  clear(): void {
    this.#entries.length = 0
    this.bytes = 0
  }
}

function bytesOf({ clientInfo, object, username }: AccessLogEntry): number {
  return ENTRY_BYTES + clientInfo.length + object.length + username.length
}

function isSame(a: Denied, b: Denied): boolean {
  return a.reason === b.reason && a.context === b.context && a.object === b.object && a.username === b.username
}
