// A view of a broker, for figures that commands do not tell, or those of some brokers alone. The
// broker is this one (engine-view.ts), or another server (remote-view.ts in ../remote).

import type { SubscriptionKind } from '../../broker/subscription-kind.ts'
import type { QueueName } from '../jobs/queue-keys.ts'
import type { Visitor } from '../rights/visitor.ts'
import type { Asker } from './asker.ts'

/** A channel or pattern. */
export interface Listed {
  readonly name: string
  readonly kind: SubscriptionKind
}

export interface Listening {
  readonly subscribers: number
  /** Messages a second; null = it is not known. */
  readonly rate: number | null
}

export interface Patterns {
  /** The names that a visitor may see. */
  readonly names: readonly string[]
  /** Patterns whose names nothing tells. */
  readonly unnamed: number
}

/** A client that waits for an element of a list. */
export interface ListWaiter {
  readonly clientId: number | null
  readonly name: string
  readonly address: string
  readonly command: string
  readonly waitsMs: number | null
}

export interface ListWaiters {
  readonly clients: readonly ListWaiter[]
  /** False = they wait for some list of the database, and it is not known for which. */
  readonly areOfThisList: boolean
}

export interface FoundKeys {
  readonly queues: readonly QueueName[]
  readonly lists: readonly string[]
  readonly streams: readonly string[]
  /** The keyspace is still being walked. */
  readonly isLooking: boolean
}

export interface BrokerView {
  /** Channels can keep their messages, and subscribers are remembered. */
  keepsChannels(): Promise<boolean>
  /** There are channels of shards. */
  hasShardChannels(): Promise<boolean>
  patterns(asker: Asker, visitor: Visitor): Promise<Patterns>
  /** Tells of each in its place. */
  listening(asker: Asker, channels: readonly Listed[]): Promise<Listening[]>
  /** Messages a second that a channel keeps; null = it is not known. */
  keptRate(channel: Listed): number | null
  /** The number of names that are remembered for a pattern. */
  rememberedFor(pattern: string): number
  /** Looks for keys of a database that serve as queues. */
  findQueues(asker: Asker, database: number): Promise<FoundKeys>
  /** The clients that wait for a list, in their order. */
  waitersOn(asker: Asker, database: number, list: string): Promise<ListWaiters>
}
