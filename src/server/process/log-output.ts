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

/** Some ten thousand lines: enough for any pause of a reader, and nothing beside the data. */
export const WAITING_BYTES_MAX = 1024 * 1024

/** A reader that is only slow is heard of at once; a disk that is full need not be asked often. */
const RETRY_MS_MIN = 10
const RETRY_MS_MAX = 1000

/** An ending server waits for the reader of its log no longer than this. */
const DRAIN_MS_MAX = 1000

/** Errors of the path itself, because of which no later line could be written either. */
const PATH_ERRORS = new Set(['ENOENT', 'ENOTDIR', 'EISDIR', 'EACCES', 'EPERM', 'EROFS', 'ELOOP', 'ENAMETOOLONG'])

/**
 * Appends, makes the file, and waits for nothing: not for a reader of a FIFO, nor for room in it.
 */
const OPEN_FLAGS = fs.constants.O_WRONLY | fs.constants.O_APPEND | fs.constants.O_CREAT | fs.constants.O_NONBLOCK

/**
 * Returns why no line could ever be written to a file, in the system's words; undefined if one can
 * be. A full disk may have room again.
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
  /** Since when lines wait, and the last reason. */
  #failure: { sinceMs: number; error: NodeJS.ErrnoException } | undefined = undefined
  #retry: NodeJS.Timeout | undefined = undefined
  #retryMs = RETRY_MS_MIN

  /** `format` makes the lines that it says of itself. */
  constructor(file: string, format: (event: LogEvent) => string = formatLine) {
    this.#file = file
    this.#format = format
    // When `process.stdout` is read, Node makes a pipe, a socket or a terminal non-blocking. Its
    // own `write` is not used: it waits for the reader of a pipe, and blocks the whole server.
    if (file === '') void process.stdout
  }

  /** Writes a line behind those that wait. */
  write(line: string): void {
    const bytes = Buffer.from(line)
    // Once a line is lost all later ones are, until the waiting ones are written: a gap is told
    // where it is.
    if (this.#linesLost > 0 || this.#waitingBytes + bytes.length > WAITING_BYTES_MAX) {
      this.#linesLost++
      return
    }
    this.#waiting.push(bytes)
    this.#waitingBytes += bytes.length
    if (this.#retry === undefined) this.writeWaiting()
  }

  /** Tries at once what waits; true when nothing does any more. */
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

  /** Writes what waits, or as much of it as is taken. */
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

  /** Puts the line that tells of a failure behind the last one that was kept. */
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
