// The directory of the append-only log: `appenddirname` inside `dir`.
//
//   data/appendonlydir/appendonly.aof.manifest       names the others (manifest.ts)
//   data/appendonlydir/appendonly.aof.1.base.aof     absent in a log that began empty
//   data/appendonlydir/appendonly.aof.1.incr.aof     the last one is appended to
//
// Before version 7 Redis kept a single `data/appendonly.aof`. It is taken over as
// Redis does it: the manifest that names it as base is written first, then the
// file is moved; a crash in between is recognised and finished at the next start.
//
// A name that was once handed out is not used again by this process: after a
// failure nobody can know whether the manifest on the disk has it.

import path from 'node:path'
import { type AppendedFile, type Disk, readFile, replaceFile } from './disk.ts'
import { PersistenceError } from './errors.ts'
import { Manifest, type Part } from './manifest.ts'

export interface AofLocation {
  /** `dir` */
  readonly dir: string
  /** `appenddirname` */
  readonly directoryName: string
  /** `appendfilename` */
  readonly prefix: string
}

export class AofDirectory {
  readonly disk: Disk
  readonly location: AofLocation
  readonly path: string
  readonly manifestPath: string
  manifest: Manifest
  /** Names handed out by this process. */
  readonly #used = new Set<string>()

  private constructor(disk: Disk, location: AofLocation) {
    this.disk = disk
    this.location = location
    this.path = path.join(location.dir, location.directoryName)
    this.manifestPath = path.join(this.path, `${location.prefix}.manifest`)
    this.manifest = new Manifest()
  }

  /**
   * Finds out what is there. Changes the disk only to take over a single file of an older version. Throws PersistenceError.
   *
   * With `replaced` what is there will not be loaded but replaced by a base: then it may lack files, and nothing is taken over.
   */
  static async open(disk: Disk, location: AofLocation, use: 'loaded' | 'replaced' = 'loaded'): Promise<AofDirectory> {
    const directory = new AofDirectory(disk, location)
    const { manifestPath } = directory
    if (await disk.exists(manifestPath)) {
      directory.manifest = Manifest.parse(await readFile(disk, manifestPath), manifestPath)
    }
    if (use === 'replaced') return directory
    await directory.#takeOverSingleFile()
    for (const part of directory.manifest.parts) {
      const file = directory.pathOf(part)
      if (await disk.exists(file)) continue
      throw new PersistenceError(
        file,
        undefined,
        'the manifest names this file, but it does not exist',
        `Restore it from a backup; or, to go on without what it held, remove its line from ${manifestPath}`,
      )
    }
    return directory
  }

  pathOf(part: Part): string {
    return path.join(this.path, part.name)
  }

  async #takeOverSingleFile(): Promise<void> {
    const { disk, location, manifest } = this
    const single = path.join(location.dir, location.prefix)
    const named = manifest.base?.name === location.prefix && manifest.increments.length === 0
    const moved = path.join(this.path, location.prefix)
    // A manifest that says anything else is newer than whatever bears the old name.
    if (manifest.parts.length > 0 && !(named && !(await disk.exists(moved)))) return
    if (!(await disk.exists(single))) return
    await this.#create()
    if (!named) {
      manifest.base = { name: location.prefix, sequence: 1, type: 'base' }
      await this.#save()
    }
    await disk.rename(single, moved)
    await disk.syncDirectory(this.path)
    await disk.syncDirectory(location.dir)
  }

  /** Opens the last increment for appending; makes a first one, and the directory, when there is none. */
  async openLast(): Promise<AppendedFile> {
    const { disk, manifest } = this
    const last = manifest.increments.at(-1)
    if (last !== undefined) return disk.openToAppend(this.pathOf(last))
    return (await this.addIncrement('named')).file
  }

  /**
   * Makes the next increment, an empty file, and adds it to the manifest: at once also to the one on the disk, or with the next
   * base. On failure the manifest is as before, though the disk's may have it.
   */
  async addIncrement(when: 'named' | 'named later'): Promise<{ part: Part; file: AppendedFile }> {
    const { disk, manifest, location } = this
    await this.#create()
    const part = manifest.addIncrement(location.prefix, this.#used)
    this.#used.add(part.name)
    let file: AppendedFile | undefined
    try {
      // The file must be there for good before the manifest says so. One left over from a crash in between is not named
      // anywhere and starts empty.
      file = await disk.openToAppend(this.pathOf(part))
      await file.sync()
      await disk.syncDirectory(this.path)
      if (when === 'named') await this.#save()
    } catch (error) {
      manifest.increments.pop()
      await file?.close()
      throw error
    }
    return { part, file }
  }

  /** Takes the last increment back: nothing was or will be written to it. */
  async withdrawIncrement(part: Part): Promise<void> {
    const { increments } = this.manifest
    const at = increments.indexOf(part)
    if (at !== -1) increments.splice(at, 1)
    await this.#save()
    await this.disk.remove(this.pathOf(part))
  }

  /** Returns the part that the next base will be; `format` is what it is written in. */
  nextBase(format: 'rdb' | 'aof'): Part {
    const { manifest, location } = this
    let sequence = manifest.base?.sequence ?? 0
    let name: string
    do name = `${location.prefix}.${++sequence}.base.${format}`
    while (this.#used.has(name) || manifest.names.has(name))
    this.#used.add(name)
    return { name, sequence, type: 'base' }
  }

  /**
   * Puts a base that is on the disk under a temporary name in the place of everything but `kept` increments: the switch from the
   * old state to the new one, at one stroke. What it replaces is history then. On failure the manifest is as before, though the
   * disk's may be the new one: all files of both are there.
   */
  async adoptBase(temporary: string, base: Part, kept: readonly Part[]): Promise<void> {
    const { disk, manifest } = this
    await disk.rename(temporary, this.pathOf(base))
    // The base must be there for good before the manifest says so.
    await disk.syncDirectory(this.path)
    const replaced = manifest.parts.filter((part) => !kept.includes(part))
    const next = new Manifest()
    next.base = base
    next.increments = [...kept]
    next.history = [...manifest.history, ...replaced.map((part): Part => ({ ...part, type: 'history' }))]
    await replaceFile(disk, this.manifestPath, next.format())
    this.manifest = next
  }

  /** Creates the directory if it is not there. */
  create(): Promise<void> {
    return this.#create()
  }

  /** Deletes what a base has replaced: first the files, then their lines, so a crash never leaves a file without a line. */
  async removeHistory(): Promise<void> {
    const { disk, manifest } = this
    if (manifest.history.length === 0) return
    for (const part of manifest.history) {
      const file = this.pathOf(part)
      if (await disk.exists(file)) await disk.remove(file)
    }
    manifest.history = []
    await this.#save()
  }

  async #create(): Promise<void> {
    const { disk, location } = this
    if (await disk.exists(this.path)) return
    await disk.makeDirectory(this.path)
    await disk.syncDirectory(location.dir)
  }

  #save(): Promise<void> {
    return replaceFile(this.disk, this.manifestPath, this.manifest.format())
  }
}
