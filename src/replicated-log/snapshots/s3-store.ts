// Snapshots in a bucket of an S3-compatible store.
//
//   up to 8 MiB   one PUT with If-None-Match: it has no effect if the object exists
//   more          an upload in parts, visible only when it is completed, with If-None-Match again
//
// A store that does not support If-None-Match for writes replaces a snapshot by another one of the
// same position; both are complete.

import type { SnapshotStore, StoredSnapshot } from '../snapshot-store.ts'
import { refusal, type S3Options, S3Refusal, S3Requests, xmlField } from './s3-requests.ts'
import { snapshotName, snapshotPosition } from './snapshot-name.ts'

/**
 * The size of the first parts of an upload, which are held in memory while they are sent. Stores
 * require at least 5 MiB.
 */
const PART_BYTES = 8 * 1024 * 1024
/**
 * Parts grow by `PART_BYTES` after this many: a store takes 10,000 parts, which allows 440 GB in
 * this way.
 */
const PARTS_OF_A_SIZE = 1_000

export class S3Store implements SnapshotStore {
  readonly #requests: S3Requests
  readonly #prefix: string
  readonly #partBytes: number

  private constructor(requests: S3Requests, prefix: string, partBytes: number) {
    this.#requests = requests
    this.#prefix = prefix
    this.#partBytes = partBytes
  }

  /** Opens a bucket without sending a request. */
  static async open(options: S3Options, partBytes = PART_BYTES): Promise<S3Store> {
    return new S3Store(await S3Requests.load(options), options.prefix, partBytes)
  }

  async put(position: number, parts: AsyncIterable<Uint8Array>): Promise<void> {
    const key = snapshotName(position)
    const cut = cutIntoParts(parts, this.#partBytes)
    const first = await cut.next()
    const second = await cut.next()
    try {
      if (second.done === true) {
        const body = first.done === true ? new Uint8Array(0) : first.value
        await this.#requests.ask({ method: 'PUT', key, body, onlyIfMissing: true })
      } else {
        await this.#upload(key, [first.value!, second.value], cut)
      }
    } catch (error) {
      // The snapshot exists already: another node has put it, or this node has and the answer was
      // lost.
      if (!(error instanceof S3Refusal)) throw error
      if (error.word === 'NoSuchUpload' && (await this.#has(position))) return
      if (error.status !== 412 && error.word !== 'PreconditionFailed') throw error
    }
  }

  async list(): Promise<readonly StoredSnapshot[]> {
    const found: StoredSnapshot[] = []
    let token: string | undefined
    do {
      const more = token === undefined ? {} : { 'continuation-token': token }
      const query = { 'list-type': '2', prefix: `${this.#prefix}snapshot-`, ...more }
      const { text: xml } = await this.#requests.ask({ method: 'GET', query })
      for (const [contents] of xml.matchAll(/<Contents>.*?<\/Contents>/gs)) {
        const position = snapshotPosition((xmlField(contents, 'Key') ?? '').slice(this.#prefix.length))
        if (position !== undefined) found.push({ position, bytes: Number(xmlField(contents, 'Size')) })
      }
      token = xmlField(xml, 'IsTruncated') === 'true' ? xmlField(xml, 'NextContinuationToken') : undefined
    } while (token !== undefined)
    return found.sort((a, b) => a.position - b.position)
  }

  async *get(position: number): AsyncIterable<Uint8Array> {
    const answer = await this.#requests.open({ method: 'GET', key: snapshotName(position) })
    const bytes = Number(answer.headers.get('content-length'))
    let done = 0
    for await (const piece of answer.body ?? []) {
      done += piece.length
      yield piece
    }
    if (done !== bytes) throw new Error(`the snapshot ${position} ends after ${done} of ${bytes} bytes`)
  }

  async remove(position: number): Promise<void> {
    await this.#requests.ask({ method: 'DELETE', key: snapshotName(position) })
  }

  async #has(position: number): Promise<boolean> {
    return (await this.list()).some((snapshot) => snapshot.position === position)
  }

  async #upload(key: string, ready: Part[], rest: AsyncIterable<Part>): Promise<void> {
    const begun = await this.#requests.ask({ method: 'POST', key, query: { uploads: '' } })
    const uploadId = xmlField(begun.text, 'UploadId') ?? ''
    const tags: string[] = []
    const send = async (body: Part): Promise<void> => {
      const query = { partNumber: String(tags.length + 1), uploadId }
      const answer = await this.#requests.ask({ method: 'PUT', key, query, body })
      tags.push(answer.headers.get('etag') ?? '')
    }
    try {
      // The parts are released as they are sent.
      for (let part = ready.shift(); part !== undefined; part = ready.shift()) await send(part)
      for await (const part of rest) await send(part)
      await this.#complete(key, uploadId, tags)
    } catch (error) {
      // Otherwise the uploaded parts would be kept and paid for, for ever. A failure here says less
      // than the one before it.
      await this.#requests.ask({ method: 'DELETE', key, query: { uploadId } }).catch(() => undefined)
      throw error
    }
  }

  async #complete(key: string, uploadId: string, tags: readonly string[]): Promise<void> {
    const parts = tags.map((tag, i) => `<Part><PartNumber>${i + 1}</PartNumber><ETag>${tag}</ETag></Part>`)
    const body = new Uint8Array(Buffer.from(`<CompleteMultipartUpload>${parts.join('')}</CompleteMultipartUpload>`))
    const query = { uploadId }
    const { text } = await this.#requests.ask({ method: 'POST', key, query, body, onlyIfMissing: true })
    // The store answers 200 at once, and puts the outcome into the body when it is known.
    const refused = refusal(200, text)
    if (refused.word !== '') throw refused
  }
}

type Part = Uint8Array<ArrayBuffer>

/** Joins and splits bytes into parts of the required size; the last may be smaller. */
async function* cutIntoParts(pieces: AsyncIterable<Uint8Array>, partBytes: number): AsyncGenerator<Part, undefined> {
  let count = 0
  let part = new Uint8Array(partBytes)
  let filled = 0
  for await (const piece of pieces) {
    for (let taken = 0; taken < piece.length; ) {
      const bytes = piece.subarray(taken, taken + part.length - filled)
      part.set(bytes, filled)
      filled += bytes.length
      taken += bytes.length
      if (filled < part.length) continue
      yield part
      count++
      part = new Uint8Array(partBytes * (1 + Math.floor(count / PARTS_OF_A_SIZE)))
      filled = 0
    }
  }
  if (filled > 0) yield part.slice(0, filled)
  return undefined
}
