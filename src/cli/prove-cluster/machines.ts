// The machines of a cluster on trial. At their least they are directories, and all of them are this machine. Where the system lets root do that,
// each has a disk of its own, whose power can be cut, and a network of its own, which can be cut off from the others.

import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { VolatileFiles } from '../volatile-files/volatile-files.ts'
import { freePorts } from './free-ports.ts'
import { Network } from './network.ts'

export interface Machine {
  readonly name: string
  readonly host: string
  /** Ports that nobody else uses. */
  readonly ports: readonly number[]
  /** Its disk. */
  readonly dir: string
  /** Words before a command that runs it there. */
  readonly prefix: readonly string[]
}

/** So many ports a machine has: for clients, for its peers, for whoever watches. */
const PORTS = 3

export class Machines {
  readonly all: readonly Machine[]
  /** Undefined = what was written stays written. */
  readonly files: VolatileFiles | undefined
  /** Undefined = nobody can be cut off. */
  readonly network: Network | undefined
  /** What this machine does not allow, and why. */
  readonly missing: readonly string[]

  private constructor(
    all: readonly Machine[],
    files: VolatileFiles | undefined,
    network: Network | undefined,
    missing: readonly string[],
  ) {
    this.all = all
    this.files = files
    this.network = network
    this.missing = missing
  }

  /** `program` are the words that start this program's `prove-durability`. */
  static async create(names: readonly string[], dir: string, program: readonly string[]): Promise<Machines> {
    const missing: string[] = []
    const files = await VolatileFiles.mount(path.join(dir, 'disks'), program).catch((error: Error) => error)
    if (files instanceof Error) missing.push(`power cuts and slow disks are left out: ${files.message}`)
    const network = Network.whenPossible(names)
    if (network instanceof Error) missing.push(`partitions are left out: ${network.message}`)
    const ports = await freePorts(PORTS * names.length)
    const all = names.map((name, i): Machine => {
      const own = files instanceof Error ? path.join(dir, name) : files.addVolume(name)
      if (files instanceof Error) mkdirSync(own)
      return {
        name,
        host: network instanceof Error ? '127.0.0.1' : network.addressOf(name),
        ports: ports.slice(PORTS * i, PORTS * (i + 1)),
        dir: own,
        prefix: network instanceof Error ? [] : network.prefixOf(name),
      }
    })
    return new Machines(
      all,
      files instanceof Error ? undefined : files,
      network instanceof Error ? undefined : network,
      missing,
    )
  }

  /** Gives back what the system lent; nothing runs on them any more. */
  async remove(): Promise<void> {
    this.network?.remove()
    await this.files?.unmount()
  }
}
