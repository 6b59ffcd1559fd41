// A server of ours in a process of its own, with an append-only file: stopped, killed and started again on the same directory.

import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../src/util/free-ports.ts'
import { frameText } from '../differential/frames.ts'
import { program } from '../support/build.ts'
import { Link } from './link.ts'

/** Runs the program from its source, where the checked build is. */
const SOURCE = `
  import { run } from ${JSON.stringify(join(import.meta.dirname, '../../src/cli/program.ts'))}
  import { CodeCache } from ${JSON.stringify(join(import.meta.dirname, '../../src/cli/code-cache.ts'))}
  run(process.argv.slice(1), new CodeCache(undefined))`

const OPTIONS = [
  '--save',
  '',
  '--enable-debug-command',
  'yes',
  '--enable-protected-configs',
  'yes',
  '--repl-diskless-sync-delay',
  '0',
]
const OUTPUT_MAX = 4000

export class OurServer {
  readonly directory: string
  readonly #options: readonly string[]
  /** The seed of restless housekeeping; the built program runs when not given. */
  readonly #restless: number | undefined
  #child: ChildProcess | undefined
  #exited: Promise<number | null> = Promise.resolve(null)
  #output = ''
  #port = 0
  #links: Link[] = []
  readonly #killWithUs = (): void => void this.#child?.kill('SIGKILL')

  /** A server in a directory of its own, which `remove` removes. */
  constructor(options: readonly string[], restless: number | undefined) {
    this.directory = mkdtempSync(join(tmpdir(), 'respite-shadow-'))
    this.#options = options
    this.#restless = restless
    process.once('exit', this.#killWithUs)
  }

  /** Starts it on what its directory holds, on a port that was free a moment ago. */
  async start(): Promise<void> {
    for (let tries = 0; ; tries++) {
      this.#port = await freePort()
      try {
        await this.#start()
        return
      } catch (error) {
        if (tries === PORT_TRIES_MAX || !this.#output.includes('EADDRINUSE')) throw error
      }
    }
  }

  async #start(): Promise<void> {
    const place = ['--port', String(this.#port), '--unixsocket', this.#socket, '--dir', this.directory]
    const command =
      this.#restless === undefined
        ? [program()]
        : ['--import', import.meta.resolve('tsx'), '--input-type=module', '--eval', SOURCE, '--']
    const env = this.#restless === undefined ? {} : { RESPITE_RESTLESS: String(this.#restless) }
    const child = spawn(process.execPath, [...command, ...place, ...OPTIONS, ...this.#options], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    this.#output = ''
    this.#links = []
    this.#exited = new Promise((resolve) => child.once('close', resolve))
    await new Promise<void>((resolve, reject) => {
      const hear = (chunk: Buffer): void => {
        this.#output = (this.#output + chunk.toString()).slice(-OUTPUT_MAX)
        if (this.#output.includes('is ready')) resolve()
      }
      child.stdout!.on('data', hear)
      child.stderr!.on('data', hear)
      child.once('close', () => reject(new Error(`the server ended:\n${this.#output}`)))
    })
  }

  get #socket(): string {
    return join(this.directory, 'socket')
  }

  /** A connection for each lane, made when it is first used. */
  async link(lane: number): Promise<Link> {
    this.#links[lane] ??= await Link.open(this.#socket)
    return this.#links[lane]
  }

  /** Asks for work while `dbfilename` is `name`; afterwards it is `otherwise`. Returns the reply to the command. */
  async beginAs(command: string, name: string, otherwise: string): Promise<string> {
    const set = (file: string): string[] => ['CONFIG', 'SET', 'dbfilename', file]
    const replies = await (await this.link(CONTROL)).ask([set(name), [command], set(otherwise)])
    return frameText(replies[1]!)
  }

  /** Sends one command of no lane and returns the text of its reply. */
  async ask(...words: string[]): Promise<string> {
    const [reply] = await (await this.link(CONTROL)).ask([words])
    return frameText(reply!)
  }

  /** A figure of INFO. */
  async figure(name: string): Promise<string> {
    return new RegExp(`^${name}:(.*)\r$`, 'm').exec(await this.ask('INFO', 'everything'))?.[1] ?? ''
  }

  get port(): string {
    return String(this.#port)
  }

  /** What the program printed last. */
  get output(): string {
    return this.#output
  }

  /** Ends the process; by SIGTERM it must end well. */
  async end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    for (const link of this.#links) link?.close()
    this.#links = []
    this.#child?.kill(signal)
    const code = await this.#exited
    if (signal === 'SIGTERM' && code !== 0) throw new Error(`stopped, the server ended with ${code}:\n${this.#output}`)
  }

  /** Ends it for good. */
  async remove(): Promise<void> {
    if (this.#child !== undefined) await this.end('SIGKILL')
    process.off('exit', this.#killWithUs)
    rmSync(this.directory, { recursive: true, force: true })
  }
}

/** The connection that no lane uses. */
const CONTROL = 99
const PORT_TRIES_MAX = 5
