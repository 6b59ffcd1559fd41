// Files whose power can be cut: a directory in which each machine under test has a disk of its own.
// After a cut, data that any program has not synced is lost, because the directory is a file system
// of ours (FUSE), held in memory by a separate process (serve-files.ts). It needs Linux, root and
// `mount`.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, rmdirSync } from 'node:fs'
import type { Order } from './serve-files.ts'

type Unnumbered<T> = T extends unknown ? Omit<T, 'number'> : never

/** The hidden first word with which the program becomes the serving process. */
export const SERVE_FILES = '--serve-files'

export class VolatileFiles {
  readonly path: string
  readonly #child: ChildProcess
  #orders = 0
  readonly #waiting = new Map<number, () => void>()

  private constructor(path: string, child: ChildProcess) {
    this.path = path
    this.#child = child
    child.on('message', (done) => {
      this.#waiting.get(Number(done))?.()
      this.#waiting.delete(Number(done))
    })
  }

  /**
   * Makes a directory and mounts the files there. `program` is the command line that starts this
   * program's `prove-durability`. Throws the reason when it is not possible.
   */
  static async mount(path: string, program: readonly string[]): Promise<VolatileFiles> {
    if (process.platform !== 'linux') throw new Error('they need Linux')
    if (process.getuid?.() !== 0) throw new Error('they need root')
    if (!existsSync('/dev/fuse')) throw new Error('there is no /dev/fuse')
    mkdirSync(path, { recursive: true })
    const [command = '', ...words] = program
    const child = spawn(command, [...words, SERVE_FILES, path], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    })
    let said = ''
    child.stderr?.on('data', (chunk: Buffer) => {
      said += chunk.toString()
    })
    await new Promise<void>((resolve, reject) => {
      child.once('message', () => resolve())
      child.once('exit', () => reject(new Error(`volatile files cannot be mounted: ${said.trim()}`)))
    })
    return new VolatileFiles(path, child)
  }

  /** Makes the disk of a machine, and returns its directory. */
  addVolume(name: string): string {
    const path = `${this.path}/${name}`
    mkdirSync(path)
    return path
  }

  /**
   * Cuts the power of machines, whose processes have ended. Data that was not synced is lost or, in
   * places that the seed decides, torn.
   */
  cut(volumes: readonly string[], seed: number): Promise<void> {
    return this.#order({ kind: 'cut', volumes, seed })
  }

  /** From now on every sync of a machine takes this long. */
  slow(volume: string, ms: number): Promise<void> {
    return this.#order({ kind: 'slow', volume, ms })
  }

  /** Unmounts; the files must not be in use any more. */
  async unmount(): Promise<void> {
    const child = this.#child
    const gone = new Promise((resolve) => child.once('exit', resolve))
    spawnSync('umount', ['-l', this.path])
    // Another mount namespace may still hold them; without the serving process they are gone.
    child.kill('SIGKILL')
    if (child.exitCode === null && child.signalCode === null) await gone
    rmdirSync(this.path)
  }

  #order(order: Unnumbered<Order>): Promise<void> {
    const number = ++this.#orders
    return new Promise((resolve) => {
      this.#waiting.set(number, resolve)
      this.#child.send({ ...order, number })
    })
  }
}
