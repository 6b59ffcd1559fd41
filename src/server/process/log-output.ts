// The target of a log's lines: a file, or standard output. It never delays the server, and never
// ends it.
//
// Every write is non-blocking. Lines wait here in order when the target does not take them at once
// (a pipe whose reader is slow or stopped) or refuses them (a full disk, a removed directory, a
// pipe without a reader). They are tried again at growing intervals. The waiting lines are bounded.
// Lines without room are counted; when writing works again, one line tells how many were lost,
// since when, and why.
//
//   writing ──EAGAIN, ENOSPC, EPIPE, …──▶ waiting ──no room──▶ losing
//      ▲────────────everything written───────┴────────────────────┘

import fs from 'node:fs'
import { itemAt } from '../../util/array-reads.ts'
import { clearTimeout, dateNow, performance, setTimeout, sleep } from '../../util/time/real-time.ts'
import { formatLine, type LogEvent } from './log-line.ts'

/** Some ten thousand lines: enough for any pause of a reader, and little beside the data. */
export const WAITING_BYTES_MAX = 1024 * 1024

/**
 * The intervals between attempts. A slow reader is ready again soon; a full disk need not be tried
 * often.
 */
const RETRY_MS_MIN = 10
const RETRY_MS_MAX = 1000

/** An ending server waits at most this long for the reader of its log. */
const DRAIN_MS_MAX = 1000

/** Errors of the path itself, after which no later line could be written either. */
const PATH_ERRORS = new Set(['ENOENT', 'ENOTDIR', 'EISDIR', 'EACCES', 'EPERM', 'EROFS', 'ELOOP', 'ENAMETOOLONG'])

/** Appends, creates the file, and never blocks: not for a reader of a FIFO, nor for space in it. */
const OPEN_FLAGS = fs.constants.O_WRONLY | fs.constants.O_APPEND | fs.constants.O_CREAT | fs.constants.O_NONBLOCK

/**
 * Returns the system's reason why no line could ever be written to a file; undefined if lines can
 * be. A full disk may have space again.
 */
export function whyUnwritable(file: string): string | undefined {
  if (file === '') return undefined
  try {
    fs.closeSync(fs.openSync(file, OPEN_FLAGS, 0o666))
  } catch (error) {
    if (PATH_ERRORS.has((error as NodeJS.ErrnoException).code ?? '')) return (error as Error).message
  }
  return undefined
}

export class LogOutput {
  /** Empty = standard output. */
  readonly #file: string
  readonly #format: (event: LogEvent) => string
  #waiting: Buffer[] = []
  #waitingBytes = 0
  #linesLost = 0
  /** The time since when lines have waited, and the last reason. */
  #failure: { sinceMs: number; error: NodeJS.ErrnoException } | undefined = undefined
  #retry: NodeJS.Timeout | undefined = undefined
  #retryMs = RETRY_MS_MIN

  /** `format` makes the lines about the log itself. */
  constructor(file: string, format: (event: LogEvent) => string = formatLine) {
    this.#file = file
    this.#format = format
    // When `process.stdout` is read, Node makes a pipe, a socket or a terminal non-blocking. Its
    // own `write` is not used: it waits for the reader of a pipe, and blocks the whole server.
    if (file === '') void process.stdout
  }

  /** Writes a line behind the waiting ones. */
  write(line: string): void {
    const bytes = Buffer.from(line)
    // Once a line is lost, all later ones are lost, too, until the waiting ones are written. So a
    // gap is reported where it is.
    if (this.#linesLost > 0 || this.#waitingBytes + bytes.length > WAITING_BYTES_MAX) {
      this.#linesLost++
      return
    }
    this.#waiting.push(bytes)
    this.#waitingBytes += bytes.length
    if (this.#retry === undefined) this.writeWaiting()
  }

  /** Tries to write the waiting lines at once; returns true if none is left. */
  writeWaiting(): boolean {
    clearTimeout(this.#retry)
    this.#retry = undefined
    try {
      while (this.#waitingBytes > 0) {
        this.#writeOnce()
        if (this.#waitingBytes === 0) this.#tellOfFailure()
      }
      this.#retryMs = RETRY_MS_MIN
      return true
    } catch (error) {
      // The world's fault: the lines wait until it has passed. It cannot be reported, because the
      // log is what failed.
      this.#failed(error as NodeJS.ErrnoException)
      return false
    }
  }

  /**
   * Fulfilled when everything is written, cannot be written, or was not taken by its reader in
   * time.
   */
  async drained(): Promise<void> {
    const started = performance.now()
    while (!this.writeWaiting()) {
      if (this.#failure?.error.code !== 'EAGAIN' || performance.now() - started > DRAIN_MS_MAX) return
      await sleep(RETRY_MS_MIN)
    }
  }

  /** Writes as much of the waiting lines as the target takes. */
  #writeOnce(): void {
    const bytes = this.#waiting.length === 1 ? itemAt(this.#waiting, 0) : Buffer.concat(this.#waiting)
    this.#waiting = [bytes]
    // A file is opened each time, as redis-server does: it may be moved away at any time.
    const fd = this.#file === '' ? process.stdout.fd : fs.openSync(this.#file, OPEN_FLAGS, 0o666)
    try {
      const written = fs.writeSync(fd, bytes)
      this.#waiting = written === bytes.length ? [] : [bytes.subarray(written)]
      this.#waitingBytes -= written
      if (written > 0) this.#retryMs = RETRY_MS_MIN
    } finally {
      if (this.#file !== '') fs.closeSync(fd)
    }
  }

  #failed(error: NodeJS.ErrnoException): void {
    this.#failure = { sinceMs: this.#failure?.sinceMs ?? dateNow(), error }
    this.#retry = setTimeout(() => this.writeWaiting(), this.#retryMs).unref()
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MS_MAX)
  }

  /** Inserts the line that reports a failure behind the last kept line. */
  #tellOfFailure(): void {
    const failure = this.#failure
    this.#failure = undefined
    if (failure === undefined || (failure.error.code === 'EAGAIN' && this.#linesLost === 0)) return
    const line = Buffer.from(
      this.#format({
        time: dateNow(),
        level: 40,
        msg: 'the log could not be written for a while',
        since: new Date(failure.sinceMs).toISOString(),
        linesLost: this.#linesLost,
        reason: failure.error.message,
      }),
    )
    this.#linesLost = 0
    this.#waiting.push(line)
    this.#waitingBytes += line.length
  }
}
