// A network for each machine under test: a network namespace with a cable to a bridge, to which
// this program is connected as well. To cut a machine off from another, its packets to that one are
// dropped where they leave. It needs Linux, root and `ip`.

import { spawnSync } from 'node:child_process'
import { networkInterfaces } from 'node:os'

/** A rarely used range of private addresses: 10.213.x.0/24. */
const FIRST_BYTES = '10.213'
const NETS = 250
/** The last byte of this program's address; the machines follow. */
const OWN_BYTE = 1

/** The clients, which are all in this program, as an end of a cut. */
export const CLIENTS = 'clients'

export class Network {
  readonly #names: readonly string[]
  readonly #prefix: string
  readonly #subnet: string

  readonly #removeWithUs = (): void => this.remove()

  private constructor(names: readonly string[]) {
    process.once('exit', this.#removeWithUs)
    this.#names = names
    this.#prefix = `rp${process.pid}`
    this.#subnet = freeSubnet(process.pid, Object.values(networkInterfaces()).flat())
  }

  /** Makes a network, or returns the reason why it is not possible. */
  static whenPossible(names: readonly string[]): Network | Error {
    if (process.platform !== 'linux') return new Error('they need Linux')
    if (process.getuid?.() !== 0) return new Error('they need root')
    let network: Network | undefined
    try {
      network = new Network(names)
      network.#make()
      return network
    } catch (error) {
      network?.remove()
      return error as Error
    }
  }

  addressOf(name: string): string {
    const at = name === CLIENTS ? 0 : this.#names.indexOf(name) + 1
    return `${this.#subnet}.${OWN_BYTE + at}`
  }

  /** The words before a command that run it on a machine. */
  prefixOf(name: string): string[] {
    return ['ip', 'netns', 'exec', this.#namespace(name)]
  }

  /** From now on no packet goes from one machine to another machine, or to the clients. */
  cut(from: string, to: string): void {
    ip('-n', this.#namespace(from), 'route', 'add', 'blackhole', `${this.addressOf(to)}/32`)
  }

  mend(from: string, to: string): void {
    ip('-n', this.#namespace(from), 'route', 'del', 'blackhole', `${this.addressOf(to)}/32`)
  }

  remove(): void {
    process.off('exit', this.#removeWithUs)
    for (const name of this.#names) spawnSync('ip', ['netns', 'del', this.#namespace(name)])
    spawnSync('ip', ['link', 'del', this.#bridge])
  }

  get #bridge(): string {
    return `${this.#prefix}br`
  }

  #namespace(name: string): string {
    return `${this.#prefix}-${name}`
  }

  #make(): void {
    const bridge = this.#bridge
    ip('link', 'add', bridge, 'type', 'bridge')
    ip('addr', 'add', `${this.addressOf(CLIENTS)}/24`, 'dev', bridge)
    ip('link', 'set', bridge, 'up')
    for (const [i, name] of this.#names.entries()) {
      const namespace = this.#namespace(name)
      const cable = `${this.#prefix}v${i}`
      ip('netns', 'add', namespace)
      ip('link', 'add', cable, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace)
      ip('link', 'set', cable, 'master', bridge, 'up')
      ip('-n', namespace, 'addr', 'add', `${this.addressOf(name)}/24`, 'dev', 'eth0')
      ip('-n', namespace, 'link', 'set', 'eth0', 'up')
      ip('-n', namespace, 'link', 'set', 'lo', 'up')
    }
  }
}

function ip(...words: string[]): void {
  const { error, status, stderr } = spawnSync('ip', words, { encoding: 'utf8' })
  if (error !== undefined) throw new Error('there is no `ip`')
  if (status !== 0) throw new Error(`ip ${words.join(' ')}: ${stderr.trim()}`)
}

/**
 * Returns a subnet that no interface of this machine is in, beginning the search at a number. A
 * prover that was killed has left its own.
 */
export function freeSubnet(from: number, taken: readonly ({ readonly address: string } | undefined)[]): string {
  for (let i = 0; i < NETS; i++) {
    const subnet = `${FIRST_BYTES}.${(from + i) % NETS}`
    if (!taken.some((one) => one?.address.startsWith(`${subnet}.`) === true)) return subnet
  }
  throw new Error(`all networks ${FIRST_BYTES}.* are in use`)
}
