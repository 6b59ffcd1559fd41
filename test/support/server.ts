// Real servers for tests: in this process on any free port, or as the program a user starts.

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import tls from 'node:tls'
import { onTestFinished } from 'vitest'
import { catalog } from '../../src/commands/catalog.ts'
import { makeParts } from '../../src/commands/parts.ts'
import { Config, type ConfigSettings } from '../../src/config/config.ts'
import { Engine } from '../../src/engine/engine.ts'
import { type RunningServer, type ServerOptions, startServer } from '../../src/index.ts'
import { Listeners } from '../../src/server/listening/listeners.ts'
import { program } from './build.ts'

/** Starts a server that is closed when the test ends. */
export async function startTestServer(options: ServerOptions = {}): Promise<RunningServer> {
  const server = await startServer({ port: 0, ...options })
  onTestFinished(() => server.close().catch(() => {}))
  return server
}

/** An engine behind real sockets, with nothing between: for tests that look inside. */
export async function listenTo(
  settings: ConfigSettings = {},
  sharedReads = true,
): Promise<{ engine: Engine; port: number; listeners: Listeners }> {
  const engine = new Engine({ commands: catalog, config: new Config(settings) }, makeParts)
  const listeners = new Listeners(engine, sharedReads)
  await listeners.open({ port: 0, addresses: ['127.0.0.1'], unixSocket: '', unixSocketMode: 0, backlog: 511 })
  onTestFinished(() => {
    listeners.close()
    engine.stop()
  })
  return { engine, port: listeners.port, listeners }
}

/** A directory that is removed when the test ends. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'respite-test-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** Waits until `check` returns something true, by the turn of the loop rather than by the clock. */
export async function eventually<T>(
  check: () => T | Promise<T>,
  what = 'a condition',
  timeoutMs = 60_000,
): Promise<NonNullable<T>> {
  const started = performance.now()
  while (true) {
    const value = await check()
    if (value) return value
    if (performance.now() - started > timeoutMs) throw new Error(`${what} did not come about`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}

/** A socket as a test wants it: latin1 text in both directions. */
export class RawConnection {
  readonly socket: net.Socket
  received = ''
  /** The other side sent its end. */
  ended = false
  closed = false
  #wake: (() => void) | undefined = undefined

  private constructor(socket: net.Socket) {
    this.socket = socket
    socket.on('data', (chunk) => {
      this.received += chunk.toString('latin1')
      this.#wake?.()
    })
    socket.on('end', () => {
      this.ended = true
      this.#wake?.()
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      this.closed = true
      this.#wake?.()
    })
  }

  /** Connects to a port on this machine, or to a unix socket. */
  static async open(where: number | string, options: { allowHalfOpen?: boolean } = {}): Promise<RawConnection> {
    const to = typeof where === 'number' ? { port: where, host: '127.0.0.1' } : { path: where }
    const socket = net.connect({ ...to, ...options })
    const connection = new RawConnection(socket)
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve)
      socket.once('error', reject)
    })
    onTestFinished(() => {
      socket.destroy()
    })
    return connection
  }

  /** Connects within TLS; rejects when the handshake fails. */
  static async openTls(port: number, options: tls.ConnectionOptions): Promise<RawConnection> {
    const socket = tls.connect({ port, host: '127.0.0.1', ...options })
    const connection = new RawConnection(socket)
    await new Promise<void>((resolve, reject) => {
      socket.once('secureConnect', resolve)
      socket.once('error', reject)
    })
    onTestFinished(() => {
      socket.destroy()
    })
    return connection
  }

  send(latin1: string): void {
    this.socket.write(latin1, 'latin1')
  }

  /** Takes the next `length` bytes that arrive; fewer when the connection ends. */
  async take(length: number): Promise<string> {
    while (this.received.length < length && !this.ended && !this.closed) await this.#more()
    const text = this.received.slice(0, length)
    this.received = this.received.slice(length)
    return text
  }

  /** Takes the next line that arrives, with its end; fewer bytes when the connection ends. */
  async takeLine(): Promise<string> {
    let end = this.received.indexOf('\r\n')
    while (end < 0 && !this.ended && !this.closed) {
      const seen = this.received.length
      await this.#more()
      end = this.received.indexOf('\r\n', Math.max(0, seen - 1))
    }
    return this.take(end < 0 ? this.received.length : end + 2)
  }

  /** Sends a request and expects exactly these bytes to come back. */
  async ask(request: string, reply: string): Promise<string> {
    this.send(request)
    return this.take(reply.length)
  }

  /** Takes everything up to the end of the connection. */
  async rest(): Promise<string> {
    while (!this.ended && !this.closed) await this.#more()
    const text = this.received
    this.received = ''
    return text
  }

  #more(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }
}

export interface Program {
  child: ChildProcess
  /** What it printed so far, both streams. */
  output(): string
  /** Waits for its end. */
  exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>
}

/** Runs the program; killed when the test ends. */
export function runProgram(
  args: readonly string[],
  options: { cwd?: string; input?: string; nodeArgs?: readonly string[]; env?: Readonly<Record<string, string>> } = {},
): Program {
  const child = spawn(process.execPath, [...(options.nodeArgs ?? []), program(), ...args], {
    cwd: options.cwd,
    env: { ...process.env, ...options.env },
    stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  })
  child.stdin?.end(options.input)
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream!.on('data', (chunk: Buffer) => {
      output += chunk.toString()
    })
  }
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal }))
  })
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await exited
  })
  return { child, output: () => output, exited }
}
