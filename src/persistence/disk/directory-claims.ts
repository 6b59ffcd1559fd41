// The directories that one broker writes into: each is claimed before its first file, and given
// back at the end.
//
// Most brokers have one: `dir`. CONFIG SET dir may add others, where snapshots go from then on,
// while the append-only file stays where it is.

import path from 'node:path'
import type { Engine } from '../../engine/engine.ts'
import { describeDiskError, PersistenceError } from '../errors.ts'
import { DirectoryInUseError, DirectoryLock } from './directory-lock.ts'
import { type Disk, systemDisk } from './disk.ts'

/** The part of the interface that others need. */
export type DirectoryClaimsView = Pick<DirectoryClaims, 'has' | 'claim'>

export class DirectoryClaims {
  readonly #engine: Pick<Engine, 'environment'>
  readonly #disk: Disk
  readonly #locks = new Map<string, Promise<DirectoryLock>>()
  readonly #claimed = new Set<string>()
  readonly #lost: () => void
  #released = false

  /** `lost` is called when a directory has come to belong to another process. */
  constructor(engine: Pick<Engine, 'environment'>, lost: () => void, disk: Disk = systemDisk) {
    this.#engine = engine
    this.#lost = lost
    this.#disk = disk
  }

  has(directory: string): boolean {
    return this.#claimed.has(path.resolve(directory))
  }

  /**
   * Makes a directory, if need be, and this broker its owner. Throws PersistenceError; if the
   * directory has another owner, that is a DirectoryInUseError.
   */
  async claim(directory: string): Promise<void> {
    const resolved = path.resolve(directory)
    let lock = this.#locks.get(resolved)
    if (lock === undefined) {
      lock = this.#take(directory, resolved)
      this.#locks.set(resolved, lock)
    }
    try {
      await lock
      this.#claimed.add(resolved)
    } catch (error) {
      this.#locks.delete(resolved)
      throw error
    }
  }

  async #take(directory: string, resolved: string): Promise<DirectoryLock> {
    const { log, workClock } = this.#engine.environment
    try {
      await this.#disk.makeDirectory(directory)
      const lost = (): void => {
        this.#locks.delete(resolved)
        this.#claimed.delete(resolved)
        this.#lost()
      }
      const lock = await DirectoryLock.take({ disk: this.#disk, clock: workClock, log, directory, lost })
      if (!this.#released) return lock
      await lock.release()
      throw new Error('the broker is closed')
    } catch (error) {
      if (error instanceof DirectoryInUseError) return this.#underAnotherName(error)
      if ((error as NodeJS.ErrnoException).code === undefined) throw error
      throw new PersistenceError(
        (error as NodeJS.ErrnoException).path ?? directory,
        undefined,
        `the data directory ${directory} cannot be used: ${describeDiskError(error)}`,
        "Make it a directory that this user may write into, or set 'dir' to one that is",
        error,
      )
    }
  }

  /** A link may lead to a directory that is claimed already. */
  async #underAnotherName(error: DirectoryInUseError): Promise<DirectoryLock> {
    for (const claimed of this.#claimed) {
      const lock = await this.#locks.get(claimed)
      if (lock?.token === error.token) return lock
    }
    throw error
  }

  /** Gives all directories back. */
  async release(): Promise<void> {
    this.#released = true
    const locks = [...this.#locks.values()]
    this.#locks.clear()
    this.#claimed.clear()
    for (const result of await Promise.allSettled(locks))
      if (result.status === 'fulfilled') await result.value.release()
  }
}
