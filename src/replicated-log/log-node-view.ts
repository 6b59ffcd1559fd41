// A node as the engine sees it: commands, INFO and FAILOVER use this, from the server's start on.
//
// A follower of the log shows its leader as a primary, so that clients and tools that know Redis's
// replicas find it. Before the log is reached and the copy is loaded, the node follows a leader
// that it does not know yet.

import type { Following, LogNode, LogSnapshots } from '../engine/effects/replication.ts'
import { assert } from '../util/assert.ts'
import type { Clock } from '../util/time/clock.ts'
import type { ReplicatedNode } from './replicated-node.ts'

export class LogNodeView implements LogNode {
  readonly #clock: Clock
  readonly #beganMs: number
  /** Undefined until the copy is loaded. */
  #node: ReplicatedNode | undefined = undefined
  readonly #listeners: (() => void)[] = []

  constructor(clock: Clock) {
    this.#clock = clock
    this.#beganMs = clock.monotonic()
  }

  /** Shows this node from now on. */
  show(node: ReplicatedNode): void {
    assert(this.#node === undefined, 'a view shows one node')
    this.#node = node
    node.onChange(() => this.#tell())
    this.#tell()
  }

  get state(): ReplicatedNode['state'] {
    return this.#node?.state ?? 'following'
  }

  get epoch(): number {
    return this.#node?.chain.epoch ?? 0
  }

  get position(): number {
    return this.#node?.chain.position ?? 0
  }

  get leaderAddress(): string {
    return this.#node?.leader?.address ?? ''
  }

  get relayKey(): string {
    return this.state === 'leading' ? (this.#node?.relayKey ?? '') : ''
  }

  get leaseLeftMs(): number {
    return this.#node?.leaseLeftMs ?? 0
  }

  get underWay(): number {
    return this.#node?.underWay ?? 0
  }

  get lagMs(): number {
    return this.#node?.journal?.lagMs ?? 0
  }

  get lagBytes(): number {
    return this.#node?.journal?.lagBytes ?? 0
  }

  get failure(): string | undefined {
    return this.#node?.failure
  }

  get snapshots(): LogSnapshots | undefined {
    return this.#node?.snapshots
  }

  get following(): Following | undefined {
    if (this.state === 'leading') return undefined
    const { leaderAddress, position } = this
    const colon = leaderAddress.lastIndexOf(':')
    const silentMs = Math.max(0, this.#clock.monotonic() - (this.#node?.heardMs ?? this.#beganMs))
    const isHeard = this.state === 'following' && leaderAddress !== '' && this.#node?.isSilent === false
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
      unlinkedSeconds: isHeard ? 0 : Math.floor(silentMs / 1000),
      isContinuable: false,
      primary: undefined,
    }
  }

  async handOver(to = ''): Promise<void> {
    await this.#node?.handOver(to)
  }

  onChange(run: () => void): void {
    this.#listeners.push(run)
  }

  #tell(): void {
    for (const run of this.#listeners) run()
  }
}
