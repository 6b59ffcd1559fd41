// One process of a cluster under test. It can be killed, paused, and started again with the data it
// has left.

import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'

/** The number of lines that usually show what went wrong. */
const LAST_LINES = 5

export interface TrialProcessOptions {
  readonly name: string
  readonly host: string
  readonly port: number
  readonly command: readonly string[]
  /** The file for its output. */
  readonly logFile: string
  /** The name of its shard, if it is a broker. */
  readonly shard?: string
  /** Whether it receives messages over Node's IPC channel. */
  readonly hears?: boolean
}

/** All members, so that none outlives this process. */
const running = new Set<TrialProcess>()

function killAll(): void {
  for (const member of running) void member.kill()
}

export class TrialProcess {
  readonly name: string
  readonly host: string
  readonly port: number
  readonly shard: string | undefined
  readonly #options: TrialProcessOptions
  #child: ChildProcess | undefined
  #isPaused = false

  constructor(options: TrialProcessOptions) {
    this.name = options.name
    this.host = options.host
    this.port = options.port
    this.shard = options.shard
    this.#options = options
    if (running.size === 0) process.once('exit', killAll)
    running.add(this)
  }

  /** Where clients reach it, as `host:port`. */
  get address(): string {
    return `${this.host}:${this.port}`
  }

  get isUp(): boolean {
    const child = this.#child
    return child !== undefined && child.exitCode === null && child.signalCode === null
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  start(): void {
    if (this.isUp) return
    const { command, hears = false, logFile } = this.#options
    const [program = '', ...words] = command
    const log = openSync(logFile, 'a')
    this.#child = spawn(program, words, {
      stdio: ['ignore', log, log, ...(hears ? ['ipc' as const] : [])],
    })
    // A process that does not start is noticed when it is asked something.
    this.#child.on('error', () => {})
    this.#isPaused = false
    closeSync(log)
  }

  /** Kills it, as a crash would. */
  async kill(): Promise<void> {
    const child = this.#child
    this.#child = undefined
    this.#isPaused = false
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await gone
  }

  /** Pauses it. Returns a function that lets it continue. */
  pause(): () => void {
    const child = this.#child
    child?.kill('SIGSTOP')
    this.#isPaused = true
    return () => {
      child?.kill('SIGCONT')
      if (this.#child === child) this.#isPaused = false
    }
  }

  /** Sends it a message, if it receives messages. */
  tell(message: number): void {
    if (this.isUp && this.#child?.connected === true) this.#child.send(message)
  }

  /** All of its output. */
  log(): string {
    return readFileSync(this.#options.logFile, 'utf8')
  }

  /** The last lines of its output. */
  lastWords(): string {
    return this.log().trimEnd().split('\n').slice(-LAST_LINES).join('\n')
  }

  async end(): Promise<void> {
    await this.kill()
    running.delete(this)
    if (running.size === 0) process.off('exit', killAll)
  }
}
