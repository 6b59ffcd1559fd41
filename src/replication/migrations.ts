// The clients that wait for their keys to reach another server (MIGRATE).
//
// A migrating client is parked, and its command runs again when the target has answered. Only that
// run removes the keys. So when the client disconnects, or is told to stop waiting, all keys stay
// here. Keys that are to be removed are held until then (engine/conditions/frozen-keys.ts).

import type { Client } from '../engine/clients/client.ts'
import type { FrozenKey } from '../engine/conditions/frozen-keys.ts'
import { nameKey } from '../engine/data/key-name.ts'
import type { Engine } from '../engine/engine.ts'
import type { Call } from '../engine/requests/call.ts'
import { payloadWriter } from '../persistence/rdb/payload.ts'
import { ReplyError } from '../protocol/errors.ts'
import { assert } from '../util/assert.ts'
import type { Bytes } from '../util/bytes/bytes.ts'
import type { Dial } from './connection.ts'
import { Migration, type MigrationOrder, type Parcel } from './migration.ts'
import { MigrationNotices } from './migration-notices.ts'

const GIVEN_UP = new ReplyError('IOERR error or timeout reading to target instance')

export class Migrations {
  readonly #engine: Engine
  readonly #dial: Dial
  readonly #byClient = new Map<Client, Migration>()
  readonly #notices: MigrationNotices

  constructor(engine: Engine, dial: Dial) {
    this.#engine = engine
    this.#dial = dial
    this.#notices = new MigrationNotices(engine.clients.maintenance, engine.environment.workClock)
  }

  /**
   * Begins to send keys, and parks the client of the call. With `holds` the keys must not change
   * meanwhile.
   */
  begin(call: Call, order: MigrationOrder, keys: readonly Bytes[], holds: boolean): void {
    const { client, db } = call
    const { connected: clients } = this.#engine.clients
    const { heldKeys, pause } = this.#engine.conditions
    // Drops a migration that the client was told not to wait for (CLIENT UNBLOCK).
    this.#drop(client)
    const parcels = keys.map((key): Parcel => {
      return { name: nameKey(db.index, key), held: holds ? heldKeys.hold(db, key) : undefined }
    })
    if (this.#byClient.size === 0) {
      clients.gone.add(this.#drop)
      pause.ended.add(this.#lookLater)
    }
    this.#notices.begin(order.timeoutMs)
    const migration = new Migration(this.#engine, order, parcels, {
      dial: this.#dial,
      payloads: payloadWriter,
      over: () => this.#settle(client),
    })
    assert(!this.#byClient.has(client), 'a client waits for one migration')
    this.#byClient.set(client, migration)
    call.waitFor({
      signals: [migration.settled],
      timeoutMs: 0,
      // CLIENT UNBLOCK: nothing else ends this wait but the migration itself.
      onTimeout: (reply) => {
        reply.error(GIVEN_UP)
        this.#drop(client)
      },
    })
  }

  /**
   * For a call that runs again: returns the migration that it waited for, or parks it once more and
   * returns undefined.
   */
  outcome(call: Call): Migration | undefined {
    const migration = this.#byClient.get(call.client)
    // During CLIENT PAUSE nothing is removed.
    if (migration?.isOver && !this.#engine.conditions.pause.active) return migration
    call.waitAgain()
    return undefined
  }

  stop(): void {
    for (const client of [...this.#byClient.keys()]) this.#drop(client)
    this.#notices.stop()
  }

  /** The migration is over: runs its client's command again, and drops the migration. */
  #settle(client: Client): void {
    if (this.#engine.conditions.pause.active) return
    this.#engine.environment.unitClock.renew()
    const migration = this.#byClient.get(client)
    if (migration !== undefined) this.#engine.blocking.raise(migration.settled)
    this.#drop(client)
  }

  /** The pause may have been ended by a command, which must finish before others run. */
  readonly #lookLater = (): void => {
    this.#engine.environment.later(() => {
      for (const [client, { isOver }] of this.#byClient) if (isOver) this.#settle(client)
    })
  }

  readonly #drop = (client: Client): void => {
    const migration = this.#byClient.get(client)
    if (migration === undefined) return
    migration.giveUp()
    this.#byClient.delete(client)
    this.#notices.end()
    const held: FrozenKey[] = []
    for (const parcel of migration.parcels) if (parcel.held !== undefined) held.push(parcel.held)
    this.#engine.conditions.heldKeys.release(held)
    if (this.#byClient.size > 0) return
    this.#engine.clients.connected.gone.remove(this.#drop)
    this.#engine.conditions.pause.ended.remove(this.#lookLater)
  }
}
