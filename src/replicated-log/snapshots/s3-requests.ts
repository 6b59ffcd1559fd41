// Requests to an S3-compatible store: signed (AWS Signature 4), with the hash of what they carry, and tried again while the store is busy.

import { createHash } from 'node:crypto'
import { sleep } from '../../util/time/real-time.ts'
import { LogUnfit } from '../log-unfit.ts'

export interface S3Options {
  /** `https://host`, of the service. */
  readonly endpoint: string
  readonly region: string
  readonly bucket: string
  /** What the names of this cluster's objects begin with: `cluster-a/`, or nothing. */
  readonly prefix: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
  /** Whether the bucket is named in the path, which every store knows, or in the host, which AWS prefers. */
  readonly addressing?: 'path' | 'host'
}

export interface S3Request {
  readonly method: 'GET' | 'PUT' | 'POST' | 'DELETE'
  /** The object; none for the bucket itself. */
  readonly key?: string
  readonly query?: Readonly<Record<string, string>>
  readonly body?: Uint8Array<ArrayBuffer>
  /** Done only where there is no such object yet. */
  readonly onlyIfMissing?: boolean
}

/** An answer that says no, with the store's own word for why. */
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
/** A part of a snapshot takes seconds; a store that has stopped answering is left. */
const REQUEST_TIMEOUT_MS = 120_000

type Signer = typeof import('aws4fetch').AwsV4Signer

export class S3Requests {
  readonly #options: S3Options
  readonly #Signer: Signer
  readonly #base: string
  /** Keys that are derived from the secret, for a day each. */
  readonly #derivedKeys = new Map<string, ArrayBuffer>()

  private constructor(options: S3Options, Signer: Signer) {
    this.#options = options
    this.#Signer = Signer
    const endpoint = new URL(options.endpoint)
    if (options.addressing === 'host') endpoint.hostname = `${options.bucket}.${endpoint.hostname}`
    else endpoint.pathname = `${endpoint.pathname.replace(/\/$/, '')}/${options.bucket}`
    this.#base = endpoint.href.replace(/\/$/, '')
  }

  /** Loads the package that signs. It is installed by those who keep snapshots in a bucket only. */
  static async load(options: S3Options): Promise<S3Requests> {
    try {
      const { AwsV4Signer } = await import('aws4fetch')
      return new S3Requests(options, AwsV4Signer)
    } catch (error) {
      throw new LogUnfit('a bucket of snapshots needs a package: npm install aws4fetch', { cause: error })
    }
  }

  /** Sends a request, and again while the store cannot be reached or is busy: each of them may be done twice. Throws `S3Refusal`. */
  ask(request: S3Request): Promise<{ readonly headers: Headers; readonly text: string }> {
    return this.#persist(request, async (answer) => ({ headers: answer.headers, text: await answer.text() }))
  }

  /** The same for an answer that may be large: it is tried again only until it begins. */
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

/** Busy, or two requests for one object at the same moment. */
function isPassing({ status, word }: S3Refusal): boolean {
  return status >= 500 || status === 429 || word === 'ConditionalRequestConflict' || word === 'RequestTimeout'
}

/** What an answer says that says no; no word where it says none. */
export function refusal(status: number, xml: string): S3Refusal {
  return new S3Refusal(status, xmlField(xml, 'Code') ?? '', xmlField(xml, 'Message') ?? '')
}

/** The text of the first element of a name: answers are small, and their elements are not nested in their like. */
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
