// A primary whose every byte a test writes, and an engine that follows it; without sockets, with
// time standing still.

import type { Connection, ConnectionListener, Dial } from '../../src/replication/connection.ts'
import { Replication } from '../../src/replication/replication.ts'
import { createEngine, type TestClient, type TestEngine } from '../support/engine.ts'
import { MemoryDisk, settled } from '../support/memory-disk.ts'
import { startSaving } from '../support/saving.ts'

export const HISTORY = 'a'.repeat(40)

/** One connection, as the primary sees it. */
export class PrimaryEnd implements Connection {
  readonly address = '10.0.0.1:6379'
  readonly localAddress = '10.0.0.2:40000'
  readonly descriptor = 9
  /** Bytes from the replica since the last look. */
  #heard = ''
  paused = false
  closed = false
  readonly #listener: ConnectionListener

  constructor(listener: ConnectionListener) {
    this.#listener = listener
  }

  write(data: string | Buffer, written?: () => void): void {
    this.#heard += data.toString('latin1')
    written?.()
  }

  pause(): void {
    this.paused = true
  }

  resume(): void {
    this.paused = false
  }

  close(): void {
    this.closed = true
  }

  heard(): string {
    const heard = this.#heard
    this.#heard = ''
    return heard
  }

  accept(): void {
    this.#listener.connected()
  }

  send(bytes: string | Buffer): void {
    if (!this.closed) this.#listener.received(Buffer.from(bytes as string, 'latin1'))
  }

  /** Breaks the connection. */
  cut(reason = 'read ECONNRESET'): void {
    if (!this.closed) this.#listener.ended(reason)
    this.closed = true
  }
}

export interface FollowingEngine extends TestEngine {
  readonly replication: Replication
  readonly client: TestClient
  readonly disk: MemoryDisk
  /** The log lines, in order. */
  readonly messages: string[]
  /** Connections in the order in which they were made. */
  readonly dialled: PrimaryEnd[]
  /** The bytes passed on to its own replicas. */
  readonly copied: () => string
  /** The last connection. */
  readonly primary: PrimaryEnd
  /** Carries out the handshake up to the reply to PSYNC; returns the PSYNC request. */
  shakeHands(): string
}

export function createFollower(settings: Parameters<typeof createEngine>[0] = {}): FollowingEngine {
  const test = createEngine({ dir: '/data', ...settings })
  const { engine } = test
  const messages: string[] = []
  const note = (_details: object, message: string): void => {
    messages.push(message)
  }
  Object.assign(engine.environment, { log: { debug: note, info: note, warn: note, error: note, fatal: note } })
  const dialled: PrimaryEnd[] = []
  const dial: Dial = (_to, listener) => {
    const end = new PrimaryEnd(listener)
    dialled.push(end)
    return end
  }
  let copied = ''
  const copy = {
    begin(): void {},
    take(bytes: Buffer): void {
      copied += bytes.toString('latin1')
    },
    rename(): void {},
    interrupt(): void {
      copied = ''
    },
  }
  const disk = new MemoryDisk()
  const replication = new Replication(engine, { dial, copy, disk })
  engine.parts.replication = replication
  replication.takeRole()
  return {
    ...test,
    replication,
    client: test.connect(),
    disk,
    messages,
    dialled,
    copied: () => copied,
    get primary() {
      return dialled.at(-1)!
    },
    shakeHands() {
      const primary = dialled.at(-1)!
      primary.accept()
      primary.send('+PONG\r\n')
      primary.send('+OK\r\n+OK\r\n')
      return primary.heard()
    },
  }
}

/** The RDB file of the data that these commands make. */
export async function snapshotOf(...commands: string[]): Promise<Buffer> {
  const primary = await startSaving({})
  const client = primary.connect()
  for (const command of commands) client.ask(...command.split(' '))
  client.ask('SAVE')
  await primary.finish()
  return primary.disk.get('/data/dump.rdb')
}

/** Lets begun work continue as far as it can. */
export async function goOn(): Promise<void> {
  for (let i = 0; i < 3; i++) {
    await settled()
    await new Promise((resolve) => setImmediate(resolve))
  }
}
