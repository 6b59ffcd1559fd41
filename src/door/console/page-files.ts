// The files of the console's page, which the package brings.
//
// The folder is read once, with all names in it: a path that is none of these names is not looked
// up on the disk, so no path leads out of the folder. Names with a hash may be kept for ever.
//
// The package has each file once, in Brotli, to be small. Browsers take Brotli from this machine and
// over TLS alone; the other forms are made of it at the first request that wants them.

import { createHash } from 'node:crypto'
import fs from 'node:fs'
import { extname, join } from 'node:path'
import { brotliDecompressSync, gzipSync } from 'node:zlib'
import type { Exchange } from '../exchanges/exchange.ts'
import { HttpError } from '../exchanges/http-error.ts'

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.json': 'application/json',
  '.webmanifest': 'application/manifest+json',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
}

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "manifest-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

const HEADERS = {
  'Content-Security-Policy': POLICY,
  'X-Content-Type-Options': 'nosniff',
  'X-Frame-Options': 'DENY',
  'Referrer-Policy': 'no-referrer',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  Vary: 'Accept-Encoding',
} as const

const INDEX = 'index.html'
/** A name with a hash in it: its content never changes. */
const HASHED = /^assets\/.*-[\w-]{8,}\.\w+$/
/** The ending of a file in Brotli. */
const BROTLI = '.br'
/** The codings of answers, in the order of our preference. */
const CODINGS = ['br', 'gzip'] as const

type Coding = (typeof CODINGS)[number]

/** One file in all the forms in which it is sent. */
class PageFile {
  readonly type: string
  readonly etag: string
  readonly isHashed: boolean
  /** Undefined where the folder has the file as it is. */
  readonly #brotli: Buffer | undefined
  #plain: Buffer | undefined = undefined
  #gzip: Buffer | undefined = undefined

  /** `content` is the file as the folder has it. */
  constructor(name: string, content: Buffer, isBrotli: boolean) {
    this.type = TYPES[extname(name)] ?? 'application/octet-stream'
    this.etag = `"${createHash('sha256').update(content).digest('base64url').slice(0, 22)}"`
    this.isHashed = HASHED.test(name)
    this.#brotli = isBrotli ? content : undefined
    if (!isBrotli) this.#plain = content
  }

  get plain(): Buffer {
    this.#plain ??= brotliDecompressSync(this.#brotli!)
    return this.#plain
  }

  /** Returns the file in a coding; undefined where it is not worth it. */
  in(coding: Coding): Buffer | undefined {
    if (coding === 'br') return this.#brotli
    this.#gzip ??= gzipSync(this.plain)
    return this.#gzip.length < this.plain.length ? this.#gzip : undefined
  }
}

export class PageFiles {
  readonly #directory: string
  #files: Map<string, PageFile> | undefined = undefined

  constructor(directory: string) {
    this.#directory = directory
  }

  /** Answers a request for a file; `path` is what stands behind `/console/`. Throws HttpError. */
  answer(exchange: Exchange, path: string): void {
    if (exchange.method !== 'GET' && exchange.method !== 'HEAD')
      throw new HttpError(405, 'GET only', { Allow: 'GET, HEAD' })
    this.#files ??= readFiles(this.#directory)
    const isPage = path === '' || !path.slice(path.lastIndexOf('/') + 1).includes('.')
    const file = this.#files.get(path) ?? (isPage ? this.#files.get(INDEX) : undefined)
    if (file === undefined) throw new HttpError(404, 'there is no such file in the console')
    const caching = file.isHashed ? 'public, max-age=31536000, immutable' : 'no-cache'
    const headers = { ...HEADERS, 'Content-Type': file.type, 'Cache-Control': caching, ETag: file.etag }
    if (matches(exchange.header('if-none-match'), file.etag)) {
      exchange.answer(304, headers, '')
      return
    }
    const accepted = exchange.header('accept-encoding') ?? ''
    for (const coding of CODINGS) {
      const body = accepts(accepted, coding) ? file.in(coding) : undefined
      if (body === undefined) continue
      exchange.answer(200, { ...headers, 'Content-Encoding': coding }, body)
      return
    }
    exchange.answer(200, headers, file.plain)
  }
}

function readFiles(directory: string): Map<string, PageFile> {
  const files = new Map<string, PageFile>()
  for (const path of pathsIn(directory, '')) {
    const isBrotli = path.endsWith(BROTLI)
    const name = isBrotli ? path.slice(0, -BROTLI.length) : path
    files.set(name, new PageFile(name, fs.readFileSync(join(directory, path)), isBrotli))
  }
  return files
}

/** Links are not followed, because a link may lead out of the folder. */
function pathsIn(directory: string, prefix: string): string[] {
  let entries: fs.Dirent[]
  try {
    entries = fs.readdirSync(join(directory, prefix), { withFileTypes: true })
  } catch {
    // The package was built without the page; every request is told so.
    return []
  }
  return entries.flatMap((entry) => {
    if (entry.isDirectory()) return pathsIn(directory, `${prefix}${entry.name}/`)
    return entry.isFile() && !entry.name.endsWith('.map') ? [`${prefix}${entry.name}`] : []
  })
}

function matches(wanted: string | undefined, etag: string): boolean {
  return wanted?.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag) === true
}

function accepts(accepted: string, coding: string): boolean {
  return accepted.split(',').some((part) => part.trim().split(';')[0] === coding && !/;\s*q=0(\.0*)?\s*$/.test(part))
}
