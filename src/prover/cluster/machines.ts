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

/** What the system has lent. */
interface Lent {
  readonly files?: VolatileFiles | undefined
  readonly network?: Network | undefined
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

  private constructor(all: readonly Machine[], { files, network }: Lent, missing: readonly string[]) {
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
    const own = {
      files: files instanceof Error ? undefined : files,
      network: network instanceof Error ? undefined : network,
    }
    return new Machines(await describe(names, dir, own), own, missing)
  }

  /** All of them are this machine. */
  static async plain(names: readonly string[], dir: string): Promise<Machines> {
    return new Machines(await describe(names, dir, {}), {}, [])
  }

  /** Gives back what the system lent; nothing runs on them any more. */
  async remove(): Promise<void> {
    this.network?.remove()
    await this.files?.unmount()
  }
}

/** Gives each machine its directory, its address and its ports. */
async function describe(names: readonly string[], dir: string, { files, network }: Lent): Promise<Machine[]> {
  const ports = await freePorts(PORTS * names.length)
  return names.map((name, i) => {
    const own = files === undefined ? path.join(dir, name) : files.addVolume(name)
    if (files === undefined) mkdirSync(own)
    return {
      name,
      host: network === undefined ? '127.0.0.1' : network.addressOf(name),
      ports: ports.slice(PORTS * i, PORTS * (i + 1)),
      dir: own,
      prefix: network === undefined ? [] : network.prefixOf(name),
    }
  })
}
