// A node as the map knows it.

import type { ClusterNode } from '../engine/cluster-view/cluster-view.ts'

export class MapNode implements ClusterNode {
  readonly id: string
  shardId: string
  ip = ''
  port = 0
  tlsPort = 0
  busPort = 0
  hostname = ''
  primary: MapNode | undefined = undefined
  epoch = 0
  /** What others are is not asked: they are taken to be there until their slots are given to somebody else. */
  health: 'online' | 'fail' | 'loading' = 'online'
  slotCount = 0
  /** Of this node alone it is known. */
  offset: () => number = () => 0

  constructor(id: string, shardId: string) {
    this.id = id
    this.shardId = shardId
  }

  get replicationOffset(): number {
    return this.offset()
  }
}
