// A network of its own for each machine on trial: a network namespace with a cable to a bridge, which this program is on as well. Who is to be cut off
// from somebody has its packets for them dropped where they leave. It takes Linux, root, and `ip`.

import { spawnSync } from 'node:child_process'

/** Of private addresses, a corner that few use: 10.213.x.0/24. */
const FIRST_BYTES = '10.213'
const NETS = 250
/** This program's last byte; the machines follow. */
const OWN_BYTE = 1

/** What may be cut off from whom: a machine, or the clients, who are all in this program. */
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
    this.#subnet = `${FIRST_BYTES}.${process.pid % NETS}`
  }

  /** Makes one, or returns what keeps it from being made. */
  static whenPossible(names: readonly string[]): Network | Error {
    if (process.platform !== 'linux') return new Error('they need Linux')
    if (process.getuid?.() !== 0) return new Error('they need root')
    const network = new Network(names)
    try {
      network.#make()
      return network
    } catch (error) {
      network.remove()
      return error as Error
    }
  }

  addressOf(name: string): string {
    const at = name === CLIENTS ? 0 : this.#names.indexOf(name) + 1
    return `${this.#subnet}.${OWN_BYTE + at}`
  }

  /** Words before a command that runs it on a machine. */
  prefixOf(name: string): string[] {
    return ['ip', 'netns', 'exec', this.#namespace(name)]
  }

  /** From now on nothing goes from a machine to another, or to the clients. */
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
