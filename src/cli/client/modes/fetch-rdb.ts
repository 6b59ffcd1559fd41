// `--rdb`: fetches a snapshot as a replica does, and writes it into a file.
//
//   $<length> CR LF, the bytes            a length that the server knows
//   $EOF:<40 bytes> CR LF, the bytes      up to the same 40 bytes again

import { type FileHandle, open } from 'node:fs/promises'
import { type Task, TaskFailed } from '../task.ts'

const MARK_BYTES = 40
const [LF] = [10]

/** Where the bytes go. */
interface Target {
  write(bytes: Buffer): Promise<void>
  end(): Promise<void>
}

export async function fetchRdb(task: Task): Promise<void> {
  const { connection, options, streams } = task
  for (const [name, value] of [
    ['capa', 'eof'],
    ['rdb-only', '1'],
  ] as const) {
    streams.complain(`sending REPLCONF ${name} ${value}`)
    const { bytes, type } = await connection.ask(['REPLCONF', name, value])
    // A server that does not know them sends a snapshot anyway.
    if (type === '-') streams.complain(`REPLCONF ${name} error: ${bytes.toString('latin1')}`)
  }
  const bytes = new RdbStream(connection.takeBytes())
  connection.send(['SYNC'])
  const head = await bytes.head()
  const what = typeof head === 'number' ? `${head} bytes` : 'bytes of bulk transfer until EOF marker'
  streams.complain(`SYNC sent to master, writing ${what} to '${options.file}'`)
  const target = await openTarget(task)
  const length = await bytes.copy(head, target)
  await target.end()
  const behind = typeof head === 'number' ? '.' : ` after ${length} bytes`
  streams.complain(`Transfer finished with success${behind}`)
}

async function openTarget({ options, streams }: Task): Promise<Target> {
  if (options.file === '-')
    return { write: async (bytes) => streams.print(bytes.toString('latin1')), end: async () => {} }
  let file: FileHandle
  try {
    file = await open(options.file, 'w')
  } catch (error) {
    throw new TaskFailed(`Error opening '${options.file}': ${(error as Error).message}`)
  }
  return {
    write: (bytes) => file.writeFile(bytes),
    async end() {
      await file.sync()
      await file.close()
    },
  }
}

/** The server's bytes from SYNC on. */
class RdbStream {
  readonly #chunks: AsyncIterator<Buffer>
  #rest = Buffer.alloc(0)

  constructor(chunks: AsyncIterable<Buffer>) {
    this.#chunks = chunks[Symbol.asyncIterator]()
  }

  /** Returns the length, or the mark that ends the snapshot. Throws TaskFailed. */
  async head(): Promise<number | Buffer> {
    const line = await this.#line()
    if (!line.startsWith('$')) throw new TaskFailed(`SYNC with master failed: ${line}`)
    return line.startsWith('$EOF:') ? Buffer.from(line.slice(5), 'latin1') : Number(line.slice(1))
  }

  /** Writes the snapshot and returns its length. */
  async copy(head: number | Buffer, target: Target): Promise<number> {
    let length = 0
    while (true) {
      const end = typeof head === 'number' ? head - length : this.#rest.indexOf(head)
      const isWhole = end >= 0 && end <= this.#rest.length
      // The last bytes may be the beginning of the mark.
      const sure = isWhole ? end : typeof head === 'number' ? this.#rest.length : this.#rest.length - MARK_BYTES
      if (sure > 0) {
        await target.write(this.#rest.subarray(0, sure))
        this.#rest = this.#rest.subarray(sure)
        length += sure
      }
      if (isWhole) return length
      await this.#more()
    }
  }

  /** The next line that is not empty: a server sends empty ones while it prepares the snapshot. */
  async #line(): Promise<string> {
    while (true) {
      const end = this.#rest.indexOf(LF)
      const line = this.#rest.toString('latin1', 0, Math.max(end, 0)).trimEnd()
      if (end >= 0) this.#rest = this.#rest.subarray(end + 1)
      else await this.#more()
      if (line !== '') return line
    }
  }

  async #more(): Promise<void> {
    const { done, value } = await this.#chunks.next()
    if (done === true) throw new TaskFailed('Error reading RDB payload while SYNCing: the server closed the connection')
    this.#rest = Buffer.concat([this.#rest, value])
  }
}
