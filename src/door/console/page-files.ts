// The files of the console's page, which the package brings.
//
// The folder is read once, with all names in it: a path that is none of these names is not looked
// up on the disk, so no path leads out of the folder. Names with a hash may be kept for ever.
//
// A file may stand there in Brotli alone, which a third of the package's bytes for the page would
// be otherwise. It is unpacked within a millisecond for a client that does not know Brotli. A
// browser that uses plain HTTP from elsewhere knows gzip only: that copy is made when it is wanted.

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
/** The codings in the order of our preference. */
const CODINGS = ['br', 'gzip'] as const
const PACKED = '.br'
/** A quick one: it takes some milliseconds. */
const GZIP_LEVEL = 1

interface PageFile {
  readonly type: string
  readonly etag: string
  readonly isHashed: boolean
  /** By coding; without one under the empty name. */
  readonly bodies: Map<string, Buffer>
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
    const coding = CODINGS.find((name) => accepts(accepted, name) && (name === 'gzip' || file.bodies.has(name)))
    if (coding === 'gzip' && !file.bodies.has(coding))
      file.bodies.set(coding, gzipSync(file.bodies.get('')!, { level: GZIP_LEVEL }))
    const body = file.bodies.get(coding ?? '')!
    exchange.answer(200, coding === undefined ? headers : { ...headers, 'Content-Encoding': coding }, body)
  }
}

function readFiles(directory: string): Map<string, PageFile> {
  const files = new Map<string, PageFile>()
  const names = new Set(namesIn(directory, ''))
  for (const name of new Set([...names].map((each) => each.replace(/\.br$/, '')))) {
    const path = join(directory, name)
    const packed = names.has(name + PACKED) ? fs.readFileSync(path + PACKED) : undefined
    const plain = packed === undefined ? fs.readFileSync(path) : brotliDecompressSync(packed)
    const bodies = new Map([['', plain]])
    if (packed !== undefined) bodies.set('br', packed)
    const etag = `"${createHash('sha256').update(plain).digest('base64url').slice(0, 22)}"`
    const type = TYPES[extname(name)] ?? 'application/octet-stream'
    files.set(name, { type, etag, isHashed: HASHED.test(name), bodies })
  }
  return files
}

/** Links are not followed, because a link may lead out of the folder. */
function namesIn(directory: string, prefix: string): string[] {
  let entries: fs.Dirent[]
  try {
    entries = fs.readdirSync(join(directory, prefix), { withFileTypes: true })
  } catch {
    // The package was built without the page; every request is told so.
    return []
  }
  return entries.flatMap((entry) => {
    if (entry.isDirectory()) return namesIn(directory, `${prefix}${entry.name}/`)
    return entry.isFile() && !entry.name.endsWith('.map') ? [`${prefix}${entry.name}`] : []
  })
}

function matches(wanted: string | undefined, etag: string): boolean {
  return wanted?.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag) === true
}

function accepts(accepted: string, coding: string): boolean {
  return accepted.split(',').some((part) => part.trim().split(';')[0] === coding && !/;\s*q=0(\.0*)?\s*$/.test(part))
}
