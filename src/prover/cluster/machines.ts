// The machines of a cluster under test. In the simplest case each is a directory, and all of them
// are this machine. If the system allows it and this process is root, each has a disk of its own,
// whose power can be cut, and a network of its own, which can be cut off from the others.

import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { assert } from '../../util/assert.ts'
import { freePorts } from '../../util/free-ports.ts'
import { VolatileFiles } from '../volatile-files/volatile-files.ts'
import { Network } from './network.ts'

/** Ports for clients, for peers, and for monitoring. */
export type Ports = readonly [clients: number, peers: number, monitoring: number]

export interface Machine {
  readonly name: string
  readonly host: string
  /** Ports that no other process uses. */
  readonly ports: Ports
  /** The directory of its disk. */
  readonly dir: string
  /** The words before a command that run it on this machine. */
  readonly prefix: readonly string[]
}

/** Facilities that were set up in the system. */
interface Facilities {
  readonly files?: VolatileFiles | undefined
  readonly network?: Network | undefined
}

/** Ports of a machine: for clients, for its peers, and for monitoring. */
const PORTS = 3

export class Machines {
  readonly all: readonly Machine[]
  /** Undefined when power cannot be cut. */
  readonly files: VolatileFiles | undefined
  /** Undefined when no machine can be cut off. */
  readonly network: Network | undefined
  /** Faults that this machine does not allow, with the reasons. */
  readonly missing: readonly string[]

  private constructor(all: readonly Machine[], { files, network }: Facilities, missing: readonly string[]) {
    this.all = all
    this.files = files
    this.network = network
    this.missing = missing
  }

  /** `program` is the command line that starts this program's `prove-durability`. */
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

  /** Makes machines that are all this machine. */
  static async plain(names: readonly string[], dir: string): Promise<Machines> {
    return new Machines(await describe(names, dir, {}), {}, [])
  }

  /** Removes what was set up in the system; nothing may run on the machines any more. */
  async remove(): Promise<void> {
    this.network?.remove()
    await this.files?.unmount()
  }
}

/** Gives each machine its directory, its address and its ports. */
async function describe(names: readonly string[], dir: string, { files, network }: Facilities): Promise<Machine[]> {
  const ports = await freePorts(PORTS * names.length)
  return names.map((name, i) => {
    const own = files === undefined ? path.join(dir, name) : files.addVolume(name)
    if (files === undefined) mkdirSync(own)
    return {
      name,
      host: network === undefined ? '127.0.0.1' : network.addressOf(name),
      ports: portsOf(ports, i),
      dir: own,
      prefix: network === undefined ? [] : network.prefixOf(name),
    }
  })
}

/** The ports of a machine, given by its index, among free ones. */
export function portsOf(free: readonly number[], machine: number): Ports {
  const [clients, peers, monitoring] = free.slice(PORTS * machine)
  assert(clients !== undefined && peers !== undefined && monitoring !== undefined, 'each machine has three ports')
  return [clients, peers, monitoring]
}
