// One process of a cluster on trial: it can be ended as a crash ends it, stand still, and begin again with what it has left.

import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync } from 'node:fs'

/** As much says, mostly, what went wrong. */
const LAST_LINES = 5

export interface MemberOptions {
  readonly name: string
  readonly host: string
  readonly port: number
  readonly command: readonly string[]
  /** Where it says what it has to say. */
  readonly logFile: string
  /** It is told things by messages of Node's. */
  readonly hears?: boolean
}

/** None of them outlives this process. */
const running = new Set<Member>()

function killAll(): void {
  for (const member of running) void member.kill()
}

export class Member {
  readonly name: string
  readonly host: string
  readonly port: number
  readonly #options: MemberOptions
  #child: ChildProcess | undefined
  #isPaused = false

  constructor(options: MemberOptions) {
    this.name = options.name
    this.host = options.host
    this.port = options.port
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
    const log = openSync(logFile, 'a')
    this.#child = spawn(command[0]!, command.slice(1), {
      stdio: ['ignore', log, log, ...(hears ? ['ipc' as const] : [])],
    })
    // Whoever cannot be begun is found by asking it.
    this.#child.on('error', () => {})
    this.#isPaused = false
    closeSync(log)
  }

  /** Ends it as a crash does. */
  async kill(): Promise<void> {
    const child = this.#child
    this.#child = undefined
    this.#isPaused = false
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGKILL')
    await gone
  }

  /** Lets it stand still. Returns what lets it go on. */
  pause(): () => void {
    const child = this.#child
    child?.kill('SIGSTOP')
    this.#isPaused = true
    return () => {
      child?.kill('SIGCONT')
      if (this.#child === child) this.#isPaused = false
    }
  }

  /** Tells it something, if it hears. */
  tell(message: number): void {
    if (this.isUp && this.#child!.connected) this.#child!.send(message)
  }

  /** All that it has said. */
  log(): string {
    return readFileSync(this.#options.logFile, 'utf8')
  }

  /** The last lines of that. */
  lastWords(): string {
    return this.log().trimEnd().split('\n').slice(-LAST_LINES).join('\n')
  }

  async end(): Promise<void> {
    await this.kill()
    running.delete(this)
    if (running.size === 0) process.off('exit', killAll)
  }
}
