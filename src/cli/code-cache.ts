// The compiled code of the program's files, kept from one start for the next: compiling takes
// longer than the rest of a start.
//
//   RESPITE_CODE_CACHE, or the user's cache directory, as the system defines it
//   └─ code-<key>/          for one version of Node, its options, and one location of the package
//      └─ core.js           SHA-1 of source and code, code
//
// Code from a file runs without being checked. So a file is read only if no other user could have
// written it: the folder belongs to this user, and no other user may write to it. The sum detects
// damage, and code of another source; V8 itself refuses code of another version.
//
// The cache is never needed. Any failure (no home, a full disk, a folder of another user) only
// means that V8 compiles the files; it is not reported.

import { createHash } from 'node:crypto'
import fs from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { Script } from 'node:vm'
import { setTimeout } from '../util/time/real-time.ts'

/**
 * Code is kept this long after it was loaded: it then includes the functions that were compiled for
 * the first calls.
 */
const KEEP_AFTER_MS = 3000
/**
 * The number of folders for other versions, options and locations that are kept, the most recently
 * used: some 2 MB each.
 */
const OTHERS_MAX = 3
const SUM_BYTES = 20
/** Mode bits that let other users write. */
const OTHERS_WRITE = 0o022

/** The facts that the location of a cache depends on. */
export interface CachingProcess {
  readonly version: string
  readonly arch: string
  readonly platform: NodeJS.Platform
  readonly execArgv: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
}

/**
 * Returns the folder for the code of a package in `folder`; undefined when nothing shall be kept.
 */
export function cacheFolder(caching: CachingProcess, folder: string): string | undefined {
  const caches = cachesOf(caching)
  if (caches === undefined) return undefined
  const { version, arch, execArgv, env } = caching
  // The code depends on V8's options.
  const words = [version, arch, ...execArgv, env.NODE_OPTIONS ?? '', folder]
  return join(caches, `code-${createHash('sha1').update(words.join('\0')).digest('hex').slice(0, 16)}`)
}

function cachesOf({ platform, env }: CachingProcess): string | undefined {
  // Set but empty: no cache.
  if (env.RESPITE_CODE_CACHE !== undefined) return env.RESPITE_CODE_CACHE || undefined
  // systemd's CacheDirectory=.
  if (env.CACHE_DIRECTORY) return env.CACHE_DIRECTORY.split(':')[0]
  if (platform === 'win32') return env.LOCALAPPDATA && join(env.LOCALAPPDATA, 'respite', 'cache')
  if (env.XDG_CACHE_HOME) return join(env.XDG_CACHE_HOME, 'respite')
  return env.HOME && join(env.HOME, platform === 'darwin' ? 'Library/Caches' : '.cache', 'respite')
}

interface Compiled {
  readonly script: Script
  readonly source: Buffer
}

export class CodeCache {
  /** Undefined when there is no cache. */
  #folder: string | undefined
  /** By name: code that was compiled and is not kept yet. */
  readonly #compiled = new Map<string, Compiled>()
  readonly #keepAfterMs: number
  #isKeeping = false
  #timer: NodeJS.Timeout | undefined

  /** `folder` is created when something is kept. */
  constructor(folder: string | undefined, keepAfterMs = KEEP_AFTER_MS) {
    this.#folder = folder
    this.#keepAfterMs = keepAfterMs
  }

  /** How many files were compiled and are not kept yet. */
  get compiledCount(): number {
    return this.#compiled.size
  }

  /**
   * Returns the value of a file of the package, with text before its first line and behind its
   * last; it is compiled now or was at an earlier start.
   */
  compile(file: string, before: string, behind: string): unknown {
    const name = basename(file)
    const source = fs.readFileSync(file)
    const code = this.#read(name, source)
    // Joined as bytes: V8 would keep the parts of joined strings until its next collection.
    const text = Buffer.concat([Buffer.from(before), source, Buffer.from(behind)]).toString()
    const script = new Script(text, {
      filename: file,
      columnOffset: -before.length,
      ...(code === undefined ? {} : { cachedData: code }),
    })
    if (this.#folder !== undefined && (code === undefined || script.cachedDataRejected)) {
      this.#compiled.set(name, { script, source })
      if (this.#isKeeping) this.#keepSoon()
    }
    return script.runInThisContext()
  }

  /**
   * Keeps what was and will be compiled. Only long-running programs call it; for others it would
   * not pay off.
   */
  keep(): void {
    this.#isKeeping = true
    if (this.#compiled.size > 0) this.#keepSoon()
  }

  #read(name: string, source: Buffer): Buffer | undefined {
    if (this.#folder === undefined) return undefined
    try {
      if (!isOurs(this.#folder)) return undefined
      const bytes = fs.readFileSync(join(this.#folder, name))
      const code = bytes.subarray(SUM_BYTES)
      return sumOf(source, code).equals(bytes.subarray(0, SUM_BYTES)) ? code : undefined
    } catch {
      // There is no file, or it cannot be read: see the head of this file.
      return undefined
    }
  }

  #keepSoon(): void {
    const folder = this.#folder
    if (folder !== undefined) this.#timer ??= setTimeout(() => void this.#keepAll(folder), this.#keepAfterMs).unref()
  }

  /** Keeps one file after the other: V8 takes some milliseconds for each. */
  async #keepAll(folder: string): Promise<void> {
    try {
      await fs.promises.mkdir(folder, { recursive: true, mode: 0o700 })
      if (!isOurs(folder)) throw new Error('other users may write to the folder')
      for (const [name, { script, source }] of this.#compiled) {
        this.#compiled.delete(name)
        const code = script.createCachedData()
        const file = join(folder, name)
        await fs.promises.writeFile(`${file}.${process.pid}`, Buffer.concat([sumOf(source, code), code]), {
          mode: 0o600,
        })
        await fs.promises.rename(`${file}.${process.pid}`, file)
      }
      await removeOthers(folder)
    } catch {
      // The disk or the system failed: see the head of this file. It is not tried again.
      this.#folder = undefined
      this.#compiled.clear()
    }
    this.#timer = undefined
  }
}

function sumOf(source: Buffer, code: Buffer): Buffer {
  return createHash('sha1').update(source).update(code).digest()
}

/**
 * Tells whether only this user can have written to a folder. On Windows, each user's own folder is
 * protected from others.
 */
function isOurs(folder: string): boolean {
  const stats = fs.lstatSync(folder)
  if (!stats.isDirectory()) return false
  return process.geteuid === undefined || (stats.uid === process.geteuid() && (stats.mode & OTHERS_WRITE) === 0)
}

/** Removes the folders that were not written to for longest. */
async function removeOthers(folder: string): Promise<void> {
  const caches = dirname(folder)
  const others: { path: string; usedMs: number }[] = []
  for (const name of await fs.promises.readdir(caches)) {
    const path = join(caches, name)
    if (/^code-[0-9a-f]{16}$/.test(name) && path !== folder)
      others.push({ path, usedMs: (await fs.promises.stat(path)).mtimeMs })
  }
  others.sort((a, b) => b.usedMs - a.usedMs)
  for (const { path } of others.slice(OTHERS_MAX)) await fs.promises.rm(path, { recursive: true })
}
