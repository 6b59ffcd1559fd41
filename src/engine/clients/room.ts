// The clients of an engine: their connections, users, subscriptions, tracked keys and memory.

import { PubSub } from '../../broker/pub-sub.ts'
import type { HashKey } from '../../util/tables/keyed-hash.ts'
import { Tracking, type TrackingHost } from '../tracking/tracking.ts'
import { ClientMemory, type ClientMemoryHost } from './client-memory.ts'
import { Clients, type ClientsHost } from './clients.ts'
import { Maintenance, type MaintenanceHost } from './maintenance.ts'
import { Monitors, type MonitorsHost } from './monitors.ts'
import { OutputLimits, type OutputLimitsHost } from './output-limits.ts'
import { Users, type UsersHost } from './users.ts'

export type ClientsRoomHost = ClientsHost &
  UsersHost &
  OutputLimitsHost &
  ClientMemoryHost &
  MonitorsHost &
  MaintenanceHost &
  TrackingHost

export class ClientsRoom {
  /** The clients that are connected. */
  readonly connected: Clients
  readonly users: Users
  /** The channels and patterns that clients are subscribed to. */
  readonly pubSub: PubSub
  /** The clients that cache, and the keys that they have read (CLIENT TRACKING). */
  readonly tracking: Tracking
  /** The clients that are shown every command (MONITOR). */
  readonly monitors: Monitors
  /** The clients that are told of planned maintenance (CLIENT MAINT_NOTIFICATIONS). */
  readonly maintenance: Maintenance
  readonly outputLimits: OutputLimits
  /** The bytes that connections take. */
  readonly memory: ClientMemory

  constructor(host: ClientsRoomHost, hashKey: HashKey) {
    this.pubSub = new PubSub(hashKey)
    this.users = new Users(host)
    this.connected = new Clients(host)
    this.tracking = new Tracking(host, hashKey)
    this.outputLimits = new OutputLimits(host)
    this.memory = new ClientMemory(host)
    this.monitors = new Monitors(host)
    this.maintenance = new Maintenance(host)
  }

  /** Cancels timers. */
  stop(): void {
    this.outputLimits.stop()
    this.memory.stop()
  }
}
