// A server under siege: the built program in a process of its own, with little memory, and somebody who asks it all the time whether it is there.

import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { program } from '../support/build.ts'
import { encode } from '../support/engine.ts'
import { RawConnection } from '../support/server.ts'

/** What V8 may take for everything that is no data: a script that is not bounded ends the process soon. */
const OLD_SPACE_MB = 512

/** A script is slow from here on. */
export const BUSY_AFTER_MS = 100

/** Everybody is heard this long after a script has become slow. */
export const HEARD_AFTER_MS = BUSY_AFTER_MS + 500

/** A tick of the times in /proc, milliseconds. */
const TICK_MS = 10

export interface BesiegedServer {
  readonly child: ChildProcess
  readonly socketPath: string
  readonly exited: Promise<number | string | null>
  /** What it has printed. */
  output(): string
}

/** Starts the program on a directory; ended with the test. */
export async function startBesieged(dir: string, options: readonly string[] = []): Promise<BesiegedServer> {
  const socketPath = join(dir, 'socket')
  const child = spawn(
    process.execPath,
    [
      `--max-old-space-size=${OLD_SPACE_MB}`,
      '--max-semi-space-size=4',
      program(),
      ...['--port', '0', '--unixsocket', socketPath, '--dir', dir, '--appendonly', 'yes'],
      ...['--busy-reply-threshold', String(BUSY_AFTER_MS), ...options],
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  )
  const exited = new Promise<number | string | null>((resolve) => {
    child.once('close', (code, signal) => resolve(signal ?? code))
  })
  onTestFinished(async () => {
    child.kill('SIGKILL')
    await exited
  })
  let output = ''
  await new Promise<void>((resolve, reject) => {
    const hear = (chunk: Buffer): void => {
      output += chunk.toString()
      if (output.includes('is ready')) resolve()
    }
    child.stdout!.on('data', hear)
    child.stderr!.on('data', hear)
    void exited.then((end) => reject(new Error(`the server ended with ${end}:\n${output}`)))
  })
  return { child, socketPath, exited, output: () => output }
}

/** Resident memory of a process, bytes. */
export function residentBytes(pid: number): number {
  const kilobytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]
  return Number(kilobytes) * 1024
}

/** Processor time that a process's main thread has used, milliseconds. */
function processorMs(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/task/${pid}/stat`, 'latin1')
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS
}

/** Asks PING after PING, and asks for the end of whatever it hears is slow. */
export class Watch {
  readonly #server: BesiegedServer
  readonly #connection: RawConnection
  #stopped = false
  readonly #done: Promise<void>
  /** The longest time without an answer, milliseconds, and what was going on. */
  longestMs = 0
  longestDuring = ''
  /** What is going on, for the report. */
  during = ''
  pings = 0

  private constructor(server: BesiegedServer, connection: RawConnection) {
    this.#server = server
    this.#connection = connection
    this.#done = this.#run()
  }

  /** `login` is sent first, and answered by one line, unless it is empty. */
  static async begin(server: BesiegedServer, login = ''): Promise<Watch> {
    const connection = await RawConnection.open(server.socketPath)
    if (login !== '') {
      connection.send(login)
      await connection.takeLine()
    }
    return new Watch(server, connection)
  }

  async end(): Promise<void> {
    this.#stopped = true
    await this.#done
  }

  async #run(): Promise<void> {
    const { pid } = this.#server.child
    while (!this.#stopped && !this.#connection.closed) {
      const startedMs = performance.now()
      const usedMs = processorMs(pid!)
      const { during } = this
      this.#connection.send(encode(['PING']))
      const answer = await this.#connection.takeLine()
      if (answer === '') return
      this.pings++
      // The process may not have had a core: what counts then is the time that it had one.
      const waitedMs = Math.min(performance.now() - startedMs, processorMs(pid!) - usedMs + TICK_MS)
      if (waitedMs > this.longestMs) {
        this.longestMs = waitedMs
        this.longestDuring = during
      }
      if (answer.startsWith('-BUSY')) {
        this.#connection.send(encode(['SCRIPT', 'KILL']))
        await this.#connection.takeLine()
      }
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
}
