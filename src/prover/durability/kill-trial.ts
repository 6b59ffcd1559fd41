// SIGKILL: the server as a separate process, on the user's disk, killed in the middle of its work.

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { ConfigSettings } from '../../config/config.ts'
import { ReplyValueReader, type ReplyValueReceiver } from '../../protocol/reply-value.ts'
import { encodeRequest } from '../../protocol/request-writer.ts'
import { textOf } from '../../util/bytes/text.ts'
import { setTimeout } from '../../util/time/real-time.ts'
import { createProducers, type Finding, KEPT, type Policy, type Producer, runOperator, runReader } from './workload.ts'
import { ask, type WorkloadClient } from './workload-client.ts'
import type { Reply } from './write-methods.ts'

/** Producers for each way and policy. */
const COPIES = 3
/** How long a server lives after it was examined. */
const LIFE_MS_MIN = 100
const LIFE_MS_MAX = 900
const CONNECT_AGAIN_MS = 10
/** The longest time between two snapshots or rewrites. */
const SAVE_PAUSE_MS_MAX = 200

/** A client over a unix socket. */
class SocketClient implements WorkloadClient, ReplyValueReceiver<string> {
  readonly #socket: net.Socket
  readonly #reader = new ReplyValueReader<string>(textOf, this)
  #waiting: ((reply: Reply) => void)[] = []
  pushed: WorkloadClient['pushed'] = undefined
  /** Resolves when the connection has ended or failed. */
  readonly closed: Promise<void>
  readonly connected: Promise<boolean>

  constructor(socketPath: string) {
    this.#socket = net.connect(socketPath)
    this.connected = new Promise((resolve) => {
      this.#socket.once('connect', () => resolve(true))
      this.#socket.once('close', () => resolve(false))
    })
    this.closed = new Promise((resolve) => this.#socket.once('close', () => resolve()))
    // The other side is killed: `close` reports the end.
    this.#socket.on('error', () => this.#socket.destroy())
    this.#socket.on('data', (chunk) => this.#reader.feed(chunk))
  }

  send(words: readonly string[], answered: (reply: Reply) => void): void {
    this.#waiting.push(answered)
    this.tell(words)
  }

  tell(words: readonly string[]): void {
    this.#socket.write(encodeRequest(words))
  }

  reply(value: Reply): void {
    this.#waiting.shift()?.(value)
  }

  push(parts: Reply[]): void {
    this.pushed?.(parts)
  }

  end(): void {
    this.#socket.destroy()
  }
}

export class KillTrial {
  lives = 0
  readonly #dir: string
  readonly #sockets = mkdtempSync(path.join(tmpdir(), 'respite-prove-'))
  #producers: Producer[] = []

  /** `dir` is the server's data directory. */
  constructor(dir: string) {
    this.#dir = dir
  }

  /**
   * Runs a server once with these settings, kills it, and returns what was left of the life before.
   */
  async live(settings: ConfigSettings, policies: readonly Policy[]): Promise<Finding[]> {
    const socketPath = path.join(this.#sockets, 'socket')
    rmSync(socketPath, { force: true })
    const { child, exited, output } = this.#start(socketPath, settings)
    const ports: SocketClient[] = []
    const connect = (): SocketClient => {
      const port = new SocketClient(socketPath)
      ports.push(port)
      return port
    }
    try {
      const admin = await this.#connectFirst(connect, exited, output)
      const death = { kind: 'kill' as const, atMs: 0, diskFailed: false }
      const findings = await Promise.race([
        Promise.all(this.#producers.map((one) => one.examine(admin, connect, death))),
        exited,
      ])
      if (findings === undefined) throw new Error(`the server has exited by itself:\n${output()}`)
      this.lives++
      await ask(admin, ['FLUSHALL'])
      this.#producers = await createProducers(admin, policies, this.lives, COPIES)
      for (const producer of this.#producers) producer.run(connect(), () => 0)
      runReader(connect(), this.#producers)
      runOperator(connect(), (then) => setTimeout(then, Math.random() * SAVE_PAUSE_MS_MAX).unref())
      const lifeMs = LIFE_MS_MIN + Math.random() * (LIFE_MS_MAX - LIFE_MS_MIN)
      await Promise.race([new Promise((resolve) => setTimeout(resolve, lifeMs)), exited])
      if (child.exitCode !== null) throw new Error(`the server has exited by itself:\n${output()}`)
      child.kill('SIGKILL')
      await exited
      // Replies that it sent before its end must still be read.
      await Promise.all(ports.map((port) => port.closed))
      return findings
    } finally {
      child.kill('SIGKILL')
      for (const port of ports) port.end()
    }
  }

  /** Removes what it made outside the data directory. */
  end(): void {
    rmSync(this.#sockets, { recursive: true, force: true })
  }

  #start(
    socketPath: string,
    settings: ConfigSettings,
  ): { child: ChildProcess; exited: Promise<undefined>; output: () => string } {
    const options = Object.entries({
      port: '0',
      unixsocket: socketPath,
      dir: this.#dir,
      appendonly: 'yes',
      save: '',
      channel: KEPT,
      ...settings,
    })
    const words = options.flatMap(([name, value]) => [`--${name}`, ...value.split(' ')])
    // This program itself.
    const child = spawn(process.execPath, [...process.execArgv, ...process.argv.slice(1, 2), ...words], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.on('data', (chunk: Buffer) => {
        output = (output + chunk.toString()).slice(-4000)
      })
    }
    const exited = new Promise<undefined>((resolve) => child.once('close', () => resolve(undefined)))
    return { child, exited, output: () => output }
  }

  /** Connects as soon as the server has loaded its data. */
  async #connectFirst(
    connect: () => SocketClient,
    exited: Promise<undefined>,
    output: () => string,
  ): Promise<SocketClient> {
    let ended = false
    void exited.then(() => {
      ended = true
    })
    while (!ended) {
      const port = connect()
      if (await port.connected) {
        const reply = await Promise.race([ask(port, ['GET', 'prove:ready']), exited])
        if (reply === null) return port
      }
      await new Promise((resolve) => setTimeout(resolve, CONNECT_AGAIN_MS))
    }
    throw new Error(`the server did not start:\n${output()}`)
  }
}
