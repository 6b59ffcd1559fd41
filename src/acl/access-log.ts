// Who was refused what: the entries of ACL LOG, the newest first.
//
// What happens again and again within a minute is one entry with a count, if it is among the ten newest. Clients choose the texts, and may
// be nobody: they are cut, and the number of entries is bounded by `acllog-max-len`.

export type DenialReason = 'command' | 'key' | 'channel' | 'auth'
export type DenialContext = 'toplevel' | 'multi' | 'lua'

/** What was refused. */
export interface Denied {
  readonly reason: DenialReason
  readonly context: DenialContext
  /** The command, key or channel; of `auth` the command's name as it was sent. */
  readonly object: string
  readonly username: string
}

export interface AccessLogEntry extends Denied {
  readonly id: number
  readonly createdMs: number
  count: number
  updatedMs: number
  /** As CLIENT LIST tells of the client, when it was refused last. */
  clientInfo: string
}

const GROUPED_WITHIN_MS = 60_000
const GROUPED_AMONG = 10
/** What is kept of a name that a client made up. */
export const LOGGED_BYTES_MAX = 4096

/** What an entry takes besides its texts. */
const ENTRY_BYTES = 240

export class AccessLog {
  /** Bytes of all entries. */
  bytes = 0
  /** The newest last. */
  readonly #entries: AccessLogEntry[] = []
  #nextId = 0

  get length(): number {
    return this.#entries.length
  }

  /** Adds what was refused, or counts it with what is the same. Keeps at most `lengthMax` entries. */
  add(denied: Denied, clientInfo: string, nowMs: number, lengthMax: number): void {
    const entries = this.#entries
    const oldest = Math.max(0, entries.length - GROUPED_AMONG)
    for (let i = entries.length - 1; i >= oldest; i--) {
      const entry = entries[i]!
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

  /** The newest `count` entries, the newest first. */
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
