// One owner for each data directory, named by a file in it.
//
//   DIR/respite.lock               the owner: process, machine, since when, a token, and a count
//                                  that grows every other second
//   DIR/respite.lock.after-TOKEN   a process is about to take over from the owner of that token,
//                                  which is dead
//
// Node has no flock(2), so the file outlives a crash, and the process that finds it judges whether
// its owner lives. Where the owner can be seen (same machine, same pid namespace) that is exact and
// takes no time (process-identity.ts). Where it cannot (another container, another host) its count
// is watched. An owner whose count stands still for STALE_MS is taken for dead; one that counts on
// is alive. No two clocks are compared.
//
// Of several processes that find the same dead owner exactly one takes over: the name `after-TOKEN`
// can be made once. Its maker checks that the dead owner's file is still in place, and renames its
// own file over it, so there is never a moment without a lock. A slower process makes the name
// again after that rename; it finds another owner in place and withdraws. If a maker dies in
// between, its file is the next owner to be judged, by its own token.
//
// The lock cannot stop a process that was taken for dead because it stood still for longer than
// STALE_MS out of sight. The process notices as soon as it runs again, and writes no more. Its
// writes until then were appended, over no foreign bytes (increment-file.ts).

import { randomBytes } from 'node:crypto'
import path from 'node:path'
import type { Log } from '../../engine/log.ts'
import { assert } from '../../util/assert.ts'
import type { Clock, Timer } from '../../util/time/clock.ts'
import { dateNow, sleep } from '../../util/time/real-time.ts'
import { describeDiskError, PersistenceError } from '../errors.ts'
import { type Disk, readFile, writeAll } from './disk.ts'
import { lifeOf, ownIdentity, type ProcessIdentity } from './process-identity.ts'

const LOCK_NAME = 'respite.lock'
const BEAT_MS = 2000
/** Digits of the count: the file is written in place, so its length stays. */
const BEAT_DIGITS = 10
/** Five beats: a script, or a machine under load, may hold up a process for some seconds. */
const STALE_MS = 10_000
/** Time between two looks at an owner that cannot be seen. */
const WATCH_MS = 500
/** Owners come and go meanwhile: the number of tries before giving up. */
const TRIES_MAX = 100
/** With a full disk the data can still be read, and served. */
const FULL = new Set(['ENOSPC', 'EDQUOT'])

/** The content of a lock file. */
interface Owner extends ProcessIdentity {
  /** ISO 8601. */
  since: string
  token: string
  /** BEAT_DIGITS digits. */
  beat: string
}

/** A lock file as it was found. Without `owner` it cannot be read, or is only being written. */
interface Found {
  content: string
  owner: Owner | undefined
}

/** The directory belongs to another process, or to another broker in this one. */
export class DirectoryInUseError extends PersistenceError {
  /** The owner's token. */
  readonly token: string
  /** The owner's process; undefined = its lock cannot be read. */
  readonly pid: number | undefined

  constructor(directory: string, found: Found) {
    const { owner } = found
    const who =
      owner === undefined
        ? 'is in use by a process whose lock cannot be read'
        : `is in use by process ${owner.pid} on ${owner.host} since ${owner.since}`
    super(
      directory,
      undefined,
      `the directory ${who}`,
      `Stop that process, or give this one a 'dir' of its own; if there is no such process any more, remove ${path.join(directory, LOCK_NAME)}`,
    )
    this.name = 'DirectoryInUseError'
    this.token = owner?.token ?? ''
    this.pid = owner?.pid
  }
}

export interface DirectoryLockOptions {
  disk: Disk
  clock: Clock
  log: Log
  directory: string
  /** Called when another process has become the owner: nothing may be written any more. */
  lost: () => void
  /** The process that takes the lock; default: this one. */
  identity?: ProcessIdentity
  /** Waits, keeping the process alive; default: a timer. */
  wait?: (ms: number) => Promise<unknown>
}

/** Locks of this process, for its last moment. */
const held = new Set<DirectoryLock>()
process.on('exit', () => {
  for (const lock of held) lock.releaseAtExit()
})

export class DirectoryLock {
  readonly token = randomBytes(12).toString('hex')
  readonly #options: DirectoryLockOptions
  readonly #identity: ProcessIdentity
  readonly #path: string
  readonly #since = new Date(dateNow()).toISOString()
  #beats = 0
  #state: 'unclaimed' | 'held' | 'over' = 'unclaimed'
  #timer: Timer | undefined = undefined
  #beating: Promise<void> = Promise.resolve()

  private constructor(options: DirectoryLockOptions) {
    this.#options = options
    this.#identity = options.identity ?? ownIdentity()
    this.#path = path.join(options.directory, LOCK_NAME)
  }

  /** Returns the path of the file that names a directory's owner. */
  static pathIn(directory: string): string {
    return path.join(directory, LOCK_NAME)
  }

  /**
   * Makes this process the owner of a directory that exists. Throws DirectoryInUseError, and the
   * disk's error. Only when the disk is full does it go on without a file, and tries again at every
   * beat.
   */
  static async take(options: DirectoryLockOptions): Promise<DirectoryLock> {
    const lock = new DirectoryLock(options)
    try {
      await lock.#claim()
    } catch (error) {
      if (!FULL.has((error as NodeJS.ErrnoException).code ?? '')) throw error
      options.log.warn(
        { file: lock.#path, error: describeDiskError(error) },
        'no lock can be written: another process that uses the directory would not be noticed',
      )
    }
    held.add(lock)
    lock.#beatLater()
    return lock
  }

  /** Gives the directory back. A disk that refuses keeps a file whose owner will be found dead. */
  async release(): Promise<void> {
    const wasOver = this.#state === 'over'
    this.#end()
    // A beat may be writing the first lock.
    await this.#beating
    if (wasOver) return
    try {
      if ((await this.#find(this.#path))?.owner?.token === this.token) await this.#options.disk.remove(this.#path)
    } catch (error) {
      this.#options.log.warn({ file: this.#path, error: describeDiskError(error) }, 'cannot remove the lock')
    }
  }

  releaseAtExit(): void {
    if (this.#state !== 'held') return
    this.#end()
    try {
      this.#options.disk.removeSync(this.#path)
    } catch (error) {
      // No caller is left to be told, and the next process finds the owner dead.
      void error
    }
  }

  #end(): void {
    this.#state = 'over'
    this.#timer?.cancel()
    held.delete(this)
  }

  // ── becoming the owner ───────────────────────────────────────────────────

  async #claim(): Promise<void> {
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      if (await this.#create(this.#path)) {
        // A process that took the file for an unreadable one may have replaced it by its own.
        if ((await this.#find(this.#path))?.owner?.token === this.token) {
          return this.#hold()
        }
        continue
      }
      const found = await this.#find(this.#path)
      if (found !== undefined && (await this.#isDead(this.#path, found)) && (await this.#succeed(found, found))) {
        return this.#hold()
      }
    }
    throw new DirectoryInUseError(this.#options.directory, { content: '', owner: undefined })
  }

  /** `release` may have come meanwhile; then it removes the file. */
  #hold(): void {
    if (this.#state !== 'over') this.#state = 'held'
  }

  /**
   * Takes over from `dead`: the owner in place, or a process that died taking over from it. False:
   * things have changed, look again.
   */
  async #succeed(inPlace: Found, dead: Found): Promise<boolean> {
    const { disk, log } = this.#options
    const successor = `${this.#path}.after-${dead.owner?.token ?? 'unreadable'}`
    if (!(await this.#create(successor))) {
      const other = await this.#find(successor)
      if (other === undefined || !(await this.#isDead(successor, other))) return false
      if (!(await this.#succeed(inPlace, other))) return false
      await disk.remove(successor)
      return true
    }
    if ((await this.#find(this.#path))?.content !== inPlace.content) {
      await disk.remove(successor)
      return false
    }
    await disk.rename(successor, this.#path)
    log.info({ file: this.#path, pid: inPlace.owner?.pid }, 'the lock of a process that is no more was taken over')
    return true
  }

  /**
   * Tells whether the owner is dead; false when the file is another one by now. Throws
   * DirectoryInUseError when the owner lives.
   */
  async #isDead(file: string, found: Found): Promise<boolean> {
    const { directory, log, wait = sleep } = this.#options
    const { owner } = found
    const life = owner === undefined ? 'unknown' : lifeOf(owner, this.#identity)
    if (life === 'dead') return true
    if (life === 'alive') throw new DirectoryInUseError(directory, found)
    log.warn(
      { file, pid: owner?.pid, host: owner?.host, forMs: STALE_MS },
      'the directory has an owner that cannot be seen from here: watching whether it lives',
    )
    for (let watchedMs = 0; watchedMs < STALE_MS; watchedMs += WATCH_MS) {
      await wait(WATCH_MS)
      const now = await this.#find(file)
      if (now?.content === found.content) continue
      if (now?.owner !== undefined && now.owner.token === owner?.token) throw new DirectoryInUseError(directory, now)
      return false
    }
    return true
  }

  /** Makes a file that names this process as owner; false when there is one of that name. */
  async #create(file: string): Promise<boolean> {
    const { disk } = this.#options
    try {
      const open = await disk.open(file, 'new')
      try {
        const content = this.#content()
        await writeAll(open, content, 0, content.length, 0)
      } catch (error) {
        // An empty file would be watched for nothing.
        await disk.remove(file)
        throw error
      } finally {
        await open.close()
      }
      return true
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
      throw error
    }
  }

  #content(): Buffer {
    const beat = String(this.#beats).padStart(BEAT_DIGITS, '0')
    assert(beat.length === BEAT_DIGITS, 'a lock file is as long as it was')
    return Buffer.from(
      `${JSON.stringify({ ...this.#identity, since: this.#since, token: this.token, beat } satisfies Owner)}\n`,
    )
  }

  /** Reads a lock file; undefined when there is none. */
  async #find(file: string): Promise<Found | undefined> {
    try {
      const content = (await readFile(this.#options.disk, file)).toString()
      return { content, owner: parseOwner(content) }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    }
  }

  // ── staying it ───────────────────────────────────────────────────────────

  #beatLater(): void {
    this.#timer = this.#options.clock.after(BEAT_MS, () => {
      this.#beating = this.#beat().then(() => {
        if (this.#state !== 'over') this.#beatLater()
      })
    })
  }

  async #beat(): Promise<void> {
    const { log } = this.#options
    try {
      if (this.#state === 'unclaimed') return await this.#claim()
      const found = await this.#find(this.#path)
      if (found === undefined) {
        log.warn({ file: this.#path }, 'the lock was removed by another process; it is made again')
        if (!(await this.#create(this.#path))) await this.#beat()
      } else if (found.owner !== undefined && found.owner.token !== this.token) {
        throw new DirectoryInUseError(this.#options.directory, found)
      } else {
        await this.#count()
      }
    } catch (error) {
      // A disk that refuses is asked again at the next beat.
      if (!(error instanceof DirectoryInUseError) || this.#state === 'over') return
      log.error({ error }, 'the directory belongs to another process now')
      this.#end()
      this.#options.lost()
    }
  }

  async #count(): Promise<void> {
    this.#beats++
    const content = this.#content()
    // Opened again each time: only then does a network file system show the count to others.
    const file = await this.#options.disk.open(this.#path, 'write')
    try {
      await writeAll(file, content, 0, content.length, 0)
    } finally {
      await file.close()
    }
  }
}

function parseOwner(content: string): Owner | undefined {
  try {
    const owner = JSON.parse(content) as Partial<Owner>
    const isWhole = typeof owner?.token === 'string' && typeof owner.pid === 'number' && content.endsWith('\n')
    return isWhole ? (owner as Owner) : undefined
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
