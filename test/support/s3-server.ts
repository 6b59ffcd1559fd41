// A small S3-compatible store for tests: one bucket in memory, with conditional writes, uploads in parts, and lists in pages.
//
// It derives and compares signatures by itself, from the documentation of AWS Signature 4. Those who write stores for tests on npm have none
// that knows conditional writes and runs on Node 20.

import { createHash, createHmac } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'

export const S3_CREDENTIALS = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret/with+signs' } as const
export const S3_REGION = 'eu-test-1'
export const S3_BUCKET = 'snapshots'

/** So few, that a test meets a second page. */
const KEYS_OF_A_PAGE = 2

export interface S3Server {
  readonly endpoint: string
  readonly objects: Map<string, Buffer>
  /** Uploads that were begun and neither completed nor given up. */
  readonly uploads: Map<string, Map<number, Buffer>>
  /** Requests so far, as `PUT key`. */
  readonly requests: string[]
  /** Decides over each request: a status to answer with before anything is done, `cut` to end the connection in the middle of the answer. */
  fault: (request: string) => number | 'cut' | undefined
  stop(): Promise<void>
}

/** What an answer is. */
interface Answer {
  readonly status: number
  readonly body?: string | Buffer
  readonly headers?: Record<string, string>
}

export async function startS3Server(): Promise<S3Server> {
  const objects = new Map<string, Buffer>()
  const uploads = new Map<string, Map<number, Buffer>>()
  const requests: string[] = []
  const server = createServer((request, response) => void serve(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const store: S3Server = {
    endpoint: `http://127.0.0.1:${port}`,
    objects,
    uploads,
    requests,
    fault: () => undefined,
    stop() {
      server.closeAllConnections()
      return new Promise((resolve) => void server.close(() => resolve()))
    },
  }

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const pieces: Buffer[] = []
    for await (const piece of request) pieces.push(piece)
    const body = Buffer.concat(pieces)
    const url = new URL(request.url!, store.endpoint)
    const key = decodeURIComponent(url.pathname).slice(`/${S3_BUCKET}/`.length)
    const said = `${request.method} ${key}`
    requests.push(said)
    const fault = store.fault(said)
    const answer =
      typeof fault === 'number'
        ? { status: fault }
        : (refuseSignature(request, url, body) ?? act(request, url, key, body))
    const bytes = Buffer.from(answer.body ?? '')
    response.writeHead(answer.status, { ...answer.headers, 'content-length': bytes.length })
    if (fault !== 'cut') return void response.end(bytes)
    response.write(bytes.subarray(0, bytes.length >> 1), () => response.destroy())
  }

  function act(request: IncomingMessage, url: URL, key: string, body: Buffer): Answer {
    const query = url.searchParams
    const uploadId = query.get('uploadId')
    const parts = uploadId === null ? undefined : uploads.get(uploadId)
    const exists = request.headers['if-none-match'] === '*' && objects.has(key)
    if (uploadId !== null && parts === undefined) return refuse(404, 'NoSuchUpload')
    switch (request.method) {
      case 'PUT':
        if (parts !== undefined) {
          parts.set(Number(query.get('partNumber')), body)
          return { status: 200, headers: { etag: tag(body) } }
        }
        if (exists) return refuse(412, 'PreconditionFailed')
        objects.set(key, body)
        return { status: 200, headers: { etag: tag(body) } }
      case 'POST': {
        if (query.has('uploads')) {
          const id = `upload ${uploads.size + 1}&<`
          uploads.set(id, new Map())
          return { status: 200, body: `<R><UploadId>${escapeXml(id)}</UploadId></R>` }
        }
        const named = [...body.toString().matchAll(/<PartNumber>(\d+)<\/PartNumber><ETag>([^<]*)<\/ETag>/g)]
        const chosen = named.map(([, number, etag]) => ({ content: parts!.get(Number(number)), etag }))
        if (chosen.some(({ content, etag }) => content === undefined || tag(content) !== etag))
          return refuse(400, 'InvalidPart')
        // As AWS may: the status is sent before the outcome is known.
        if (exists) return { status: 200, body: '<Error><Code>PreconditionFailed</Code></Error>' }
        uploads.delete(uploadId!)
        objects.set(key, Buffer.concat(chosen.map(({ content }) => content!)))
        return { status: 200, body: '<CompleteMultipartUploadResult/>' }
      }
      case 'DELETE':
        if (uploadId === null) objects.delete(key)
        else uploads.delete(uploadId)
        return { status: 204 }
      default: {
        if (key === '') return list(query)
        const content = objects.get(key)
        return content === undefined ? refuse(404, 'NoSuchKey') : { status: 200, body: content }
      }
    }
  }

  function list(query: URLSearchParams): Answer {
    const after = query.get('continuation-token') ?? ''
    const all = [...objects.keys()].filter((key) => key.startsWith(query.get('prefix') ?? '') && key > after).sort()
    const page = all.slice(0, KEYS_OF_A_PAGE)
    const contents = page.map(
      (key) => `<Contents><Key>${escapeXml(key)}</Key><Size>${objects.get(key)!.length}</Size></Contents>`,
    )
    const more = all.length > page.length
    const next = more ? `<NextContinuationToken>${escapeXml(page.at(-1)!)}</NextContinuationToken>` : ''
    return { status: 200, body: `<R><IsTruncated>${more}</IsTruncated>${next}${contents.join('\n')}</R>` }
  }

  return store
}

const tag = (body: Buffer): string => `"${createHash('md5').update(body).digest('hex')}"`
const escapeXml = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
const refuse = (status: number, code: string): Answer => ({ status, body: `<Error><Code>${code}</Code></Error>` })

/** Returns a refusal where the request is not signed by who it says, or carries other bytes than were signed. */
function refuseSignature(request: IncomingMessage, url: URL, body: Buffer): Answer | undefined {
  const { authorization = '' } = request.headers
  const [, credential, signedHeaders, signature] =
    /^AWS4-HMAC-SHA256 Credential=(\S+), SignedHeaders=(\S+), Signature=(\S+)$/.exec(authorization) ?? []
  if (credential === undefined) return refuse(403, 'AccessDenied')
  const [id, ...scope] = credential.split('/')
  const bodyHash = createHash('sha256').update(body).digest('hex')
  if (request.headers['x-amz-content-sha256'] !== bodyHash) return refuse(400, 'XAmzContentSHA256Mismatch')
  const query = [...url.searchParams]
    .map(([name, value]) => `${encode(name)}=${encode(value)}`)
    .sort()
    .join('&')
  const headers = signedHeaders!.split(';').map((name) => `${name}:${String(request.headers[name]).trim()}\n`)
  const path = decodeURIComponent(url.pathname).split('/').map(encode).join('/')
  const canonical = [request.method, path, query, headers.join(''), signedHeaders, bodyHash].join('\n')
  const toSign = [
    'AWS4-HMAC-SHA256',
    request.headers['x-amz-date'],
    scope.join('/'),
    createHash('sha256').update(canonical).digest('hex'),
  ].join('\n')
  const key = scope.reduce<Buffer | string>(
    (derived, part) => createHmac('sha256', derived).update(part).digest(),
    `AWS4${S3_CREDENTIALS.secretAccessKey}`,
  )
  const expected = createHmac('sha256', key).update(toSign).digest('hex')
  const isRight = id === S3_CREDENTIALS.accessKeyId && scope[1] === S3_REGION && signature === expected
  return isRight ? undefined : refuse(403, 'SignatureDoesNotMatch')
}

/** As RFC 3986 has it: what is not a letter, a digit or one of four signs is escaped. */
function encode(text: string): string {
  return encodeURIComponent(text).replace(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)
}
