// The effects of commands: the sinks that they go to, how far the journal has got, and this
// server's role.

import { Random } from '../../util/numbers/random.ts'
import { Durability, type DurabilityHost } from './durability.ts'
import { Propagation, type PropagationHost } from './propagation.ts'
import { ReplicationHistory } from './replication-history.ts'
import { Role, type RoleHost } from './role.ts'

export class EffectsRoom {
  /** The history of the data, which replicas compare with theirs. */
  readonly history = new ReplicationHistory(new Random())
  readonly durability: Durability
  readonly propagation: Propagation
  readonly role: Role

  constructor(host: PropagationHost & DurabilityHost & RoleHost) {
    this.durability = new Durability(host)
    this.propagation = new Propagation(host, this)
    this.role = new Role(host)
  }
}
