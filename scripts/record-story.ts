// The story that README.md shows: a subscriber with a name is away, the broker is killed, and the
// subscriber hears what it missed.
//
// The programs run as a user would run them, on a port and a directory of their own. The picture
// shows the lines that they print. It leaves out the port, which differs each time.

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../src/util/free-ports.ts'

const ROOT = join(import.meta.dirname, '..')
const RESPITE = join(ROOT, 'dist/cli/respite.js')
const RULE = 'orders.* keep 24h'

/** The subscriber, as the picture shows it. */
export const SUBSCRIBER = [
  "import { Redis } from 'ioredis'",
  "const redis = new Redis({ connectionName: 'billing' })",
  "redis.on('message', (channel, order) => console.log(channel, order))",
  "await redis.subscribe('orders.eu')",
  "console.log('listening')",
]

export type Pane = 'broker' | 'publisher' | 'billing'

/** A line that appears in a pane: typed by a person, printed by a program, or told by the shell. */
export interface StoryLine {
  readonly pane: Pane
  readonly text: string
  readonly kind: 'typed' | 'printed' | 'killed'
}

/** Runs the story, and returns its lines in the order in which they appeared. Needs `dist`. */
export async function recordStory(): Promise<StoryLine[]> {
  const story = new Story(await freePort())
  try {
    await story.startBroker()
    await story.startSubscriber([])
    await story.kill('billing')
    await story.publish('order 1')
    await story.publish('order 2')
    await story.kill('broker')
    await story.startBroker()
    await story.startSubscriber(['orders.eu order 1', 'orders.eu order 2'])
    await story.publish('order 3')
    await story.hear('orders.eu order 3')
    return story.lines
  } finally {
    story.end()
  }
}

class Story {
  readonly lines: StoryLine[] = []
  readonly #port: number
  readonly #directory = mkdtempSync(join(tmpdir(), 'respite-story-'))
  readonly #programs = new Map<Pane, Program>()

  constructor(port: number) {
    this.#port = port
  }

  async startBroker(): Promise<void> {
    this.#tell('broker', `npx respite --channel '${RULE}'`, 'typed')
    const program = this.#run('broker', [
      RESPITE,
      '--channel',
      RULE,
      '--port',
      `${this.#port}`,
      '--dir',
      this.#directory,
    ])
    const ready: { msg: string } = JSON.parse(await program.line((line) => line.includes('is ready')))
    this.#tell('broker', ready.msg, 'printed')
  }

  /** Starts the subscriber, which hears these messages. They may come before its own line. */
  async startSubscriber(messages: readonly string[]): Promise<void> {
    this.#tell('billing', 'node billing.mjs', 'typed')
    const code = SUBSCRIBER.join('\n').replace('new Redis({', `new Redis({ port: ${this.#port},`)
    const program = this.#run('billing', ['--input-type=module', '--eval', code])
    await program.line((line) => line === 'listening')
    this.#tell('billing', 'listening', 'printed')
    for (const message of messages) await this.hear(message)
  }

  /** Waits until the subscriber prints a message, which is the next that it prints. */
  async hear(message: string): Promise<void> {
    const heard = await this.#programs.get('billing')!.line((line) => line.startsWith('orders.'))
    if (heard !== message) throw new Error(`heard “${heard}”, not “${message}”`)
    this.#tell('billing', heard, 'printed')
  }

  async publish(order: string): Promise<void> {
    this.#tell('publisher', `npx respite cli publish orders.eu '${order}'`, 'typed')
    const words = ['cli', '-p', `${this.#port}`, 'publish', 'orders.eu', order]
    const program = this.#run('publisher', [RESPITE, ...words])
    const receivers = await program.line(() => true)
    await program.ended
    this.#tell('publisher', `(integer) ${receivers}`, 'printed')
  }

  async kill(pane: Pane): Promise<void> {
    const program = this.#programs.get(pane)!
    program.process.kill('SIGKILL')
    await program.ended
    this.#tell(pane, 'Killed (kill -9)', 'killed')
  }

  end(): void {
    for (const program of this.#programs.values()) program.process.kill('SIGKILL')
    rmSync(this.#directory, { recursive: true })
  }

  #run(pane: Pane, words: readonly string[]): Program {
    const program = new Program(spawn(process.execPath, words, { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] }))
    this.#programs.set(pane, program)
    return program
  }

  #tell(pane: Pane, text: string, kind: StoryLine['kind']): void {
    this.lines.push({ pane, text, kind })
  }
}

/** A process, and the lines that it has printed and that were not asked for yet. */
class Program {
  readonly process: ChildProcess
  readonly ended: Promise<unknown>
  readonly #lines: string[] = []
  #rest = ''
  #changed: () => void = () => {}

  constructor(child: ChildProcess) {
    this.process = child
    this.ended = once(child, 'exit').then(() => this.#changed())
    child.stdout!.setEncoding('utf8').on('data', (text: string) => this.#take(text))
  }

  /** Returns the next line that matches; lines before it stay for later. Throws when the program has ended. */
  async line(matches: (line: string) => boolean): Promise<string> {
    for (;;) {
      const found = this.#lines.findIndex(matches)
      if (found !== -1) return this.#lines.splice(found, 1).join('')
      if (this.process.exitCode !== null) throw new Error('a program of the story ended early')
      await new Promise<void>((resolve) => {
        this.#changed = resolve
      })
    }
  }

  #take(text: string): void {
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop() ?? ''
    this.#lines.push(...lines)
    this.#changed()
  }
}
