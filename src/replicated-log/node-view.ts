// A node as the engine sees it: commands, INFO and FAILOVER ask this.
//
// Who follows the log shows its leader as a primary, so that clients and tools that know Redis's replicas find their way.

import type { Following, LogNode } from '../engine/replication.ts'
import type { Clock } from '../util/clock.ts'
import type { ReplicatedNode } from './replicated-node.ts'

export class NodeView implements LogNode {
  readonly #node: ReplicatedNode
  readonly #clock: Clock

  constructor(node: ReplicatedNode, clock: Clock) {
    this.#node = node
    this.#clock = clock
  }

  get state(): ReplicatedNode['state'] {
    return this.#node.state
  }

  get epoch(): number {
    return this.#node.chain.epoch
  }

  get position(): number {
    return this.#node.chain.position
  }

  get leaderAddress(): string {
    return this.#node.leader?.address ?? ''
  }

  get leaseLeftMs(): number {
    return this.#node.leaseLeftMs
  }

  get underWay(): number {
    return this.#node.underWay
  }

  get failure(): string | undefined {
    return this.#node.failure
  }

  get following(): Following | undefined {
    if (this.state === 'leading') return undefined
    const { leaderAddress, position } = this
    const colon = leaderAddress.lastIndexOf(':')
    const silentMs = Math.max(0, this.#clock.monotonic() - this.#node.heardMs)
    const isHeard = this.state === 'following' && leaderAddress !== '' && !this.#node.isSilent
    return {
      host: leaderAddress.slice(0, Math.max(colon, 0)),
      port: colon < 0 ? 0 : Number(leaderAddress.slice(colon + 1)),
      state: isHeard ? 'connected' : 'connect',
      linkUp: isHeard,
      sync: undefined,
      offset: position,
      readOffset: position,
      lastHeardSeconds: Math.floor(silentMs / 1000),
      downSeconds: isHeard ? -1 : Math.floor(silentMs / 1000),
      isContinuable: false,
      primary: undefined,
    }
  }

  handOver(to = ''): Promise<void> {
    return this.#node.handOver(to)
  }

  onChange(run: () => void): void {
    this.#node.onChange(run)
  }
}
