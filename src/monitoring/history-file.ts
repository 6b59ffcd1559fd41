// The file that keeps the history over a restart: JSON, put in place whole.
//
// It is not synced, which could hold the loop up. After a power cut the file may be broken.
//
// It is no data: a file that cannot be read, or that says something else, is as none, and one that
// cannot be written is told in the log once.

import fs from 'node:fs'
import { join } from 'node:path'
import type { Log } from '../engine/log.ts'
import type { Rows } from './history.ts'
import { COLUMNS, type Row } from './sampled-columns.ts'

const NAME = 'console-history.json'
const MODE = 0o600
/** A file of ours is smaller: 660 rows of at most 20 numbers. */
const BYTES_MAX = 1024 * 1024

export class HistoryFile {
  readonly #path: string
  readonly #temporary: string
  readonly #log: Log
  #isWriting = false
  #hasFailed = false

  constructor(directory: string, log: Log) {
    this.#path = join(directory, NAME)
    this.#temporary = join(directory, `.${NAME}-${process.pid}.tmp`)
    this.#log = log
  }

  /** Reads the rows of an earlier run; undefined = there are none that can be read. */
  read(): Rows | undefined {
    try {
      if (fs.statSync(this.#path).size > BYTES_MAX) return undefined
      const { columns, fine, coarse } = JSON.parse(fs.readFileSync(this.#path, 'utf8')) as Record<string, unknown>
      if (JSON.stringify(columns) !== JSON.stringify(COLUMNS) || !areRows(fine) || !areRows(coarse)) return undefined
      return { fine, coarse }
    } catch {
      // There is no file, or it is broken: the history begins now.
      return undefined
    }
  }

  /** Writes the rows while the loop goes on. */
  async write(rows: Rows): Promise<void> {
    if (this.#isWriting) return
    this.#isWriting = true
    try {
      await fs.promises.writeFile(this.#temporary, textOf(rows), { mode: MODE })
      await fs.promises.rename(this.#temporary, this.#path)
    } catch (error) {
      this.#failed(error)
    } finally {
      this.#isWriting = false
    }
  }

  /** Writes the rows before it returns: the broker ends. */
  writeNow(rows: Rows): void {
    try {
      fs.writeFileSync(this.#temporary, textOf(rows), { mode: MODE })
      fs.renameSync(this.#temporary, this.#path)
    } catch (error) {
      this.#failed(error)
    }
  }

  #failed(error: unknown): void {
    if (!this.#hasFailed) this.#log.warn({ error }, "the console's history cannot be written")
    this.#hasFailed = true
  }
}

function textOf({ coarse, fine }: Rows): string {
  return JSON.stringify({ columns: COLUMNS, fine, coarse })
}

function areRows(rows: unknown): rows is Row[] {
  return (
    Array.isArray(rows) &&
    rows.every(
      (row) =>
        Array.isArray(row) &&
        row.length === COLUMNS.length &&
        row.every((value) => value === null || (typeof value === 'number' && Number.isFinite(value))),
    )
  )
}
