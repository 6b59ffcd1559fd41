// Requests to an S3-compatible store: signed (AWS Signature 4), with a hash of the body, and
// repeated while the store is busy.

import { createHash } from 'node:crypto'
import { installCommand } from '../../config/install-command.ts'
import { sleep } from '../../util/time/real-time.ts'
import { LogUnfit } from '../log-unfit.ts'

export interface S3Options {
  /** The URL of the service: `https://host`. */
  readonly endpoint: string
  readonly region: string
  readonly bucket: string
  /** The prefix of this cluster's object names: `cluster-a/`, or empty. */
  readonly prefix: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
  /**
   * Whether the bucket is named in the path, which every store supports, or in the host, which AWS
   * prefers.
   */
  readonly addressing?: 'path' | 'host'
}

export interface S3Request {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE'
  /** The object; undefined for the bucket itself. */
  readonly key?: string
  readonly query?: Readonly<Record<string, string>>
  readonly body?: Uint8Array<ArrayBuffer>
  /** The request takes effect only if the object does not exist yet. */
  readonly onlyIfMissing?: boolean
}

/** An answer that refuses the request, with the store's error code. */
export class S3Refusal extends Error {
  readonly status: number
  readonly word: string

  constructor(status: number, word: string, message: string) {
    super(`the store of snapshots refuses: ${word || status} ${message}`)
    this.status = status
    this.word = word
  }
}

const ATTEMPTS_MAX = 5
const FIRST_RETRY_MS = 100
/** A part of a snapshot takes seconds; a store without an answer is given up. */
const REQUEST_TIMEOUT_MS = 120_000

type Signer = typeof import('aws4fetch').AwsV4Signer

export class S3Requests {
  readonly #options: S3Options
  readonly #Signer: Signer
  readonly #base: string
  /** Keys derived from the secret, one for each day. */
  readonly #derivedKeys = new Map<string, ArrayBuffer>()

  private constructor(options: S3Options, Signer: Signer) {
    this.#options = options
    this.#Signer = Signer
    const endpoint = new URL(options.endpoint)
    if (options.addressing === 'host') endpoint.hostname = `${options.bucket}.${endpoint.hostname}`
    else endpoint.pathname = `${endpoint.pathname.replace(/\/$/, '')}/${options.bucket}`
    this.#base = endpoint.href.replace(/\/$/, '')
  }

  /** Loads the package for signing. Only users of a bucket install it. */
  static async load(options: S3Options): Promise<S3Requests> {
    try {
      const { AwsV4Signer } = await import('aws4fetch')
      return new S3Requests(options, AwsV4Signer)
    } catch (error) {
      throw new LogUnfit(`a bucket of snapshots needs a package: ${installCommand(['aws4fetch'])}`, { cause: error })
    }
  }

  /**
   * Sends a request, and repeats it while the store cannot be reached or is busy: it may take
   * effect twice. Throws `S3Refusal`.
   */
  ask(request: S3Request): Promise<{ readonly headers: Headers; readonly text: string }> {
    return this.#persist(request, async (answer) => ({ headers: answer.headers, text: await answer.text() }))
  }

  /**
   * The same for an answer that may be large: the request is repeated only until the answer begins.
   */
  open(request: S3Request): Promise<Response> {
    return this.#persist(request, async (answer) => answer)
  }

  async #persist<T>(request: S3Request, take: (answer: Response) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt++) {
      const isLast = attempt === ATTEMPTS_MAX
      try {
        const answer = await this.#sendOnce(request)
        if (answer.ok) return await take(answer)
        const refused = refusal(answer.status, await answer.text())
        if (isLast || !isPassing(refused)) throw refused
      } catch (error) {
        if (isLast || error instanceof S3Refusal) throw error
      }
      await sleep(FIRST_RETRY_MS * 2 ** (attempt - 1))
    }
  }

  async #sendOnce({ method, key, query = {}, body, onlyIfMissing }: S3Request): Promise<Response> {
    const url = new URL(key === undefined ? `${this.#base}/` : `${this.#base}/${this.#options.prefix}${key}`)
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
    const { region, accessKeyId, secretAccessKey, sessionToken } = this.#options
    const signed = await new this.#Signer({
      method,
      url: url.href,
      headers: {
        'x-amz-content-sha256': createHash('sha256')
          .update(body ?? '')
          .digest('hex'),
        ...(onlyIfMissing && { 'if-none-match': '*' }),
      },
      accessKeyId,
      secretAccessKey,
      ...(sessionToken !== undefined && { sessionToken }),
      service: 's3',
      region,
      cache: this.#derivedKeys,
    }).sign()
    const { headers } = signed
    return fetch(signed.url, {
      method,
      headers,
      ...(body !== undefined && { body }),
      signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
    })
  }
}

/** The store is busy, or two requests for one object came at the same moment. */
function isPassing({ status, word }: S3Refusal): boolean {
  return status >= 500 || status === 429 || word === 'ConditionalRequestConflict' || word === 'RequestTimeout'
}

/** Reads the code and message of an error answer; the code is empty when there is none. */
export function refusal(status: number, xml: string): S3Refusal {
  return new S3Refusal(status, xmlField(xml, 'Code') ?? '', xmlField(xml, 'Message') ?? '')
}

/**
 * The text of the first element with this name. Answers are small, and elements are not nested in
 * others of the same name.
 */
export function xmlField(xml: string, name: string): string | undefined {
  const text = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1]
  return text?.replace(/&(lt|gt|quot|apos|amp|#13|#xD);/g, (_, entity: string) => ENTITIES[entity]!)
}

const ENTITIES: Readonly<Record<string, string>> = {
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  amp: '&',
  '#13': '\r',
  '#xD': '\r',
}
