// What V8 made of the program's files, kept from one start for the next: compiling them takes longer than all else of a start.
//
//   RESPITE_CODE_CACHE, or the user's folder for caches, as the system has it
//   └─ code-<key>/          for one version of Node, with the same options, and one place of the package
//      └─ core.js           SHA-1 of source and code, code
//
// Code from a file is run without being looked at again, so nothing is read that another user could have written: the folder belongs to us and nobody else may
// write to it. The sum finds what was damaged, and what belongs to another source; V8 itself refuses what another version of it made.
//
// A cache is never needed. Whatever goes wrong with it (no home, a full disk, a folder that is not ours) means that V8 compiles, and nobody is told.

import { createHash } from 'node:crypto'
import fs from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { Script } from 'node:vm'
import { setTimeout } from '../util/time/real-time.ts'

/** What is compiled is kept so long after it was loaded: the functions that its first calls needed are compiled by then, and part of it. */
const KEEP_AFTER_MS = 3000
/** The folders of other versions, options and places that stay beside ours, the last ones used: some 2 MB each. */
const OTHERS_MAX = 3
const SUM_BYTES = 20
/** Bits of a mode that let others write. */
const OTHERS_WRITE = 0o022

/** What the place of a cache depends on. */
export interface CachingProcess {
  readonly version: string
  readonly arch: string
  readonly platform: NodeJS.Platform
  readonly execArgv: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
}

/** Returns the folder for the code of a package that lies in `folder`; undefined: nothing is to be kept. */
export function cachePlace(caching: CachingProcess, folder: string): string | undefined {
  const caches = cachesOf(caching)
  if (caches === undefined) return undefined
  const { version, arch, execArgv, env } = caching
  // V8's options are part of what it compiled for.
  const words = [version, arch, ...execArgv, env.NODE_OPTIONS ?? '', folder]
  return join(caches, `code-${createHash('sha1').update(words.join('\0')).digest('hex').slice(0, 16)}`)
}

function cachesOf({ platform, env }: CachingProcess): string | undefined {
  // Set and empty: none.
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
  /** Undefined: nothing is kept, and nothing was. */
  #folder: string | undefined
  /** By their names: what was compiled and is not kept yet. */
  readonly #compiled = new Map<string, Compiled>()
  readonly #keepAfterMs: number
  #isKeeping = false
  #timer: NodeJS.Timeout | undefined

  /** `folder` is made when something is kept. */
  constructor(folder: string | undefined, keepAfterMs = KEEP_AFTER_MS) {
    this.#folder = folder
    this.#keepAfterMs = keepAfterMs
  }

  /** How many files were compiled that are to be kept, and are not yet. */
  get compiledCount(): number {
    return this.#compiled.size
  }

  /** Returns what a file of the package evaluates to, with something before its first line and behind its last, compiled now or at an earlier start. */
  compile(file: string, before: string, behind: string): unknown {
    const name = basename(file)
    const source = fs.readFileSync(file)
    const code = this.#read(name, source)
    // Put together as bytes: of strings V8 would keep the parts until its next collection.
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

  /** Keeps what was and will be compiled. For those who run long enough for it to be worth their while. */
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
      // There is none, or it cannot be read: see the head of this file.
      return undefined
    }
  }

  #keepSoon(): void {
    const folder = this.#folder
    if (folder !== undefined) this.#timer ??= setTimeout(() => void this.#keepAll(folder), this.#keepAfterMs).unref()
  }

  /** Keeps one file after the other: what V8 does for each takes some milliseconds. */
  async #keepAll(folder: string): Promise<void> {
    try {
      await fs.promises.mkdir(folder, { recursive: true, mode: 0o700 })
      if (!isOurs(folder)) throw new Error('others may write to the folder')
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
      // The world's fault: see the head of this file. It is not tried again.
      this.#folder = undefined
      this.#compiled.clear()
    }
    this.#timer = undefined
  }
}

function sumOf(source: Buffer, code: Buffer): Buffer {
  return createHash('sha1').update(source).update(code).digest()
}

/** Tells whether only we can have written to a folder. Windows keeps each user's own from others. */
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
