// Connections between simulated processes: bytes take a while and arrive in order; a cut ends both
// sides.

import type { Client } from '../../src/engine/clients/client.ts'
import type { Transport } from '../../src/engine/clients/transport.ts'
import type { Engine } from '../../src/engine/engine.ts'
import type { Address, Connection, ConnectionListener, Dial } from '../../src/replication/connection.ts'
import { Source } from '../../src/util/bytes/bytes.ts'
import type { ProcessClock, SimWorld } from '../replicated-log/sim-clock.ts'

/** A process that can be reached, and reaches others. */
export interface Reachable {
  readonly engine: Engine
  readonly clock: ProcessClock
  /** Its connections in both directions. */
  readonly wires: Set<Wire>
}

export interface Network {
  readonly world: SimWorld
  /** The process that listens at an address; undefined when there is none. */
  processAt(to: Address): Reachable | undefined
  /** The delay of a transmission. */
  delayMs(): number
}

/** Makes the `dial` of a process. */
export function wiredDial(network: Network, from: () => Reachable): Dial {
  return (to, listener) => new Wire(network, from(), to, listener)
}

/** One direction of a wire: bytes arrive in order, when the process at its end runs. */
class Way {
  readonly #network: Network
  #arrivalMs = 0

  constructor(network: Network) {
    this.#network = network
  }

  send(to: () => Reachable, arrive: () => void): void {
    const { world } = this.#network
    this.#arrivalMs = Math.max(this.#arrivalMs, world.nowMs + this.#network.delayMs())
    world.after(this.#arrivalMs - world.nowMs, () => void to().clock.after(0, arrive))
  }
}

/** The dialling side. */
export class Wire implements Connection {
  readonly address = 'sim:3'
  readonly localAddress = 'sim:4'
  readonly descriptor = -1
  readonly #from: Reachable
  readonly #there: Way
  readonly #back: Way
  #listener: ConnectionListener | undefined
  #far: FarSide | undefined = undefined

  constructor(network: Network, from: Reachable, to: Address, listener: ConnectionListener) {
    this.#from = from
    this.#listener = listener
    this.#there = new Way(network)
    this.#back = new Way(network)
    from.wires.add(this)
    const found = network.processAt(to)
    this.#there.send(
      () => found ?? from,
      () => {
        if (found === undefined) {
          this.ended('connect ECONNREFUSED')
          return
        }
        found.wires.add(this)
        this.#far = new FarSide(found, this)
        this.answer(() => this.#listener?.connected())
      },
    )
  }

  write(data: string | Buffer, written?: () => void): void {
    const bytes = Buffer.from(data as string, 'latin1')
    this.#reach((far) => far.receive(bytes))
    if (written !== undefined) this.#from.clock.after(0, written)
  }

  pause(): void {}
  resume(): void {}

  close(): void {
    this.#listener = undefined
    this.#reach((far) => far.gone())
  }

  received(bytes: Buffer): void {
    this.#listener?.received(bytes)
  }

  ended(reason: string): void {
    const listener = this.#listener
    this.#listener = undefined
    this.forget()
    listener?.ended(reason)
  }

  /** A cut by the network or by a process: nothing in flight arrives. */
  cut(): void {
    this.#far?.gone()
    this.#from.clock.after(0, () => this.ended('read ECONNRESET'))
  }

  /** Delivers bytes to the dialling side. */
  answer(arrive: () => void): void {
    this.#back.send(() => this.#from, arrive)
  }

  forget(): void {
    this.#from.wires.delete(this)
    this.#far?.process.wires.delete(this)
  }

  #reach(arrive: (far: FarSide) => void): void {
    this.#there.send(
      () => this.#far?.process ?? this.#from,
      () => this.#far !== undefined && arrive(this.#far),
    )
  }
}

/** The dialled side. */
class FarSide implements Transport {
  readonly kind = 'tcp'
  readonly address = 'sim:3'
  readonly localAddress = 'sim:4'
  readonly descriptor = -1
  readonly backlogBytes = 0
  readonly process: Reachable
  readonly #wire: Wire
  readonly #client: Client
  #isGone = false

  constructor(process: Reachable, wire: Wire) {
    this.process = process
    this.#wire = wire
    this.#client = process.engine.connect(this)
  }

  receive(bytes: Buffer): void {
    if (this.#isGone) return
    this.process.engine.receive(this.#client, new Source(bytes), 0, bytes.length)
    this.process.engine.requests.turn.endSoon()
  }

  write(bytes: Buffer): boolean {
    const copy = Buffer.from(bytes)
    this.#wire.answer(() => this.#wire.received(copy))
    return true
  }

  close(): void {
    this.#isGone = true
    this.#wire.answer(() => this.#wire.ended('the other side has closed the connection'))
  }

  /** The dialling side is gone. */
  gone(): void {
    if (this.#isGone) return
    this.#isGone = true
    this.process.engine.disconnect(this.#client)
    this.#wire.forget()
  }
}
