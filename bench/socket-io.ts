// A server of socket.io in a process of its own, where the package is installed.

import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { startChild } from './child.ts'
import type { StreamsReport } from './children/streams.ts'
import { ROOT } from './servers.ts'
import { endWithUs } from './taken-along.ts'

const FOLDER = join(ROOT, 'bench/rivals')
const PACKAGE = join(FOLDER, 'node_modules/socket.io/package.json')

export class SocketIo {
  readonly port: number
  readonly #child: ChildProcess
  readonly #goesAlone: () => void

  private constructor(child: ChildProcess, goesAlone: () => void, port: number) {
    this.#child = child
    this.#goesAlone = goesAlone
    this.port = port
  }

  /** With its version, as the page names it. */
  static get shownName(): string {
    if (!existsSync(PACKAGE)) return 'socket.io'
    return `socket.io ${(JSON.parse(readFileSync(PACKAGE, 'utf8')) as { version: string }).version}`
  }

  /** Undefined where it is not installed. */
  static async start(): Promise<SocketIo | undefined> {
    if (!existsSync(PACKAGE)) return undefined
    const child = spawn(process.execPath, [join(FOLDER, 'socket-io.mjs')], { stdio: ['pipe', 'pipe', 'inherit'] })
    const goesAlone = endWithUs(() => child.kill('SIGKILL'))
    const port = await new Promise<number>((resolve, reject) => {
      child.stdout.once('data', (text) => resolve(Number(text)))
      child.once('exit', () => reject(new Error('socket.io ended before it listened')))
    })
    return new SocketIo(child, goesAlone, port)
  }

  get pid(): number {
    return this.#child.pid!
  }

  connect(streams: number) {
    return startChild<StreamsReport>('streams', { kind: 'socket.io', port: this.port, streams, query: '', first: 1 })
  }

  /** Sends a message to all who are connected. */
  send(text: string): void {
    this.#child.stdin!.write(`${text}\n`)
  }

  stop(): void {
    this.#goesAlone()
    this.#child.kill('SIGKILL')
  }
}
