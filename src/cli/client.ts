// `respite cli`: a small redis-cli, for machines that have none.
//
//   a command on the command line   one reply, and the end
//   an option such as --bigkeys     a task of its own (client/modes)
//   a terminal                      a prompt
//   any other standard input        one command for each line
//
// Exit codes are redis-cli's: 0 even for an error reply (1 with -e), 1 when the server cannot be
// reached, a task fails, or the command line is invalid.

import { createInterface } from 'node:readline'
import { REDIS_VERSION, RESPITE_VERSION } from '../config/version.ts'
import { splitInline } from '../protocol/inline-words.ts'
import { converse } from './client/interactive.ts'
import { findBigKeys } from './client/modes/big-keys.ts'
import { fetchRdb } from './client/modes/fetch-rdb.ts'
import { findHotKeys } from './client/modes/hot-keys.ts'
import { printLatency } from './client/modes/latency.ts'
import { pipeInput } from './client/modes/pipe.ts'
import { printStats } from './client/modes/rolling-stats.ts'
import { printKeys } from './client/modes/scan-keys.ts'
import { type CliOptions, readOptions } from './client/options.ts'
import type { Format } from './client/print-reply.ts'
import { scriptCall } from './client/script-call.ts'
import { Session } from './client/session.ts'
import { type CliStreams, processStreams } from './client/streams.ts'
import type { Task } from './client/task.ts'
import { CLI_OPTIONS } from './options/cli-options.ts'
import { helpOf } from './options/program-option.ts'
import { UsageError } from './usage-error.ts'

const HELP = `Usage: respite cli [option …] [command [argument …]]

Sends a command to a server and prints the reply. Without a command it reads commands: from a
terminal, with history and completion (Tab; twice for a command's arguments), or one in each line.
A number before a command in a line repeats it.

${helpOf(CLI_OPTIONS)}
`

/** The tasks that need no words of a command. */
const TASKS: Readonly<Partial<Record<CliOptions['mode'], (task: Task) => Promise<unknown>>>> = {
  bigkeys: (task) => findBigKeys(task, 'elements'),
  memkeys: (task) => findBigKeys(task, 'memory'),
  hotkeys: findHotKeys,
  scan: printKeys,
  stat: printStats,
  latency: (task) => printLatency(task, 'now'),
  'latency-history': (task) => printLatency(task, 'history'),
  pipe: pipeInput,
  rdb: fetchRdb,
}

/** Runs the client and returns the exit code. */
export async function runCli(args: readonly string[], streams: CliStreams = processStreams()): Promise<number> {
  if (args.includes('--help')) return printAndEnd(streams, HELP)
  if (args[0] === '--version') return printAndEnd(streams, `respite cli ${RESPITE_VERSION} (Redis ${REDIS_VERSION})\n`)
  let session: Session | undefined
  try {
    const options = readOptions(args, process.env)
    const format = options.format ?? (streams.outputIsTerminal ? 'people' : 'raw')
    session = new Session(options, format, streams.print)
    return await new CliRun(options, format, session, streams).run()
  } catch (error) {
    const isUsage = error instanceof UsageError
    streams.complain(
      isUsage ? `respite cli: ${error.message}\nrespite cli --help lists the options.` : messageOf(error),
    )
    return 1
  } finally {
    session?.close()
  }
}

function printAndEnd(streams: CliStreams, text: string): number {
  streams.print(Buffer.from(text, 'utf8').toString('latin1'))
  return 0
}

/** One run of the client. */
class CliRun {
  readonly #options: CliOptions
  readonly #format: Format
  readonly #session: Session
  readonly #streams: CliStreams
  #allWell = true

  constructor(options: CliOptions, format: Format, session: Session, streams: CliStreams) {
    this.#options = options
    this.#format = format
    this.#session = session
    this.#streams = streams
  }

  /** Returns the exit code. */
  async run(): Promise<number> {
    const task = TASKS[this.#options.mode]
    if (task !== undefined) return this.#runTask(task)
    const words = await this.#words()
    if (words.length > 0) await this.#repeated(words, this.#options.repeat)
    else await this.#readCommands()
    return this.#allWell || !this.#options.errorExits ? 0 : 1
  }

  async #runTask(task: (task: Task) => Promise<unknown>): Promise<number> {
    const connection = await this.#session.connect()
    const isWell = await task({
      connection,
      options: this.#options,
      streams: this.#streams,
      isRaw: this.#format !== 'people',
    })
    return isWell === false ? 1 : 0
  }

  /** The words of the command line, with the standard input where `-x` and `-X` want it. */
  async #words(): Promise<readonly string[]> {
    const { file, lastFromInput, mode, tag, words } = this.#options
    if (mode === 'eval') return scriptCall(file, words)
    if (!lastFromInput && tag === undefined) return words
    const input = await this.#wholeInput()
    return lastFromInput ? [...words, input] : words.map((word) => (word === tag ? input : word))
  }

  async #wholeInput(): Promise<string> {
    const chunks: Buffer[] = []
    for await (const chunk of this.#streams.input) chunks.push(Buffer.from(chunk))
    return Buffer.concat(chunks).toString('latin1')
  }

  async #repeated(words: readonly string[], count: number): Promise<void> {
    const { intervalMs = 0 } = this.#options
    for (let sent = 0; sent < count; sent++) {
      if (sent > 0 && intervalMs > 0 && !(await this.#streams.rest(intervalMs))) return
      if (!(await this.#session.run(words))) this.#allWell = false
      if (!this.#allWell && this.#options.errorExits) return
    }
  }

  async #readCommands(): Promise<void> {
    this.#session.readsLines = true
    await this.#session.connect()
    if (!this.#streams.inputIsTerminal) {
      for await (const line of createInterface({ input: this.#streams.input })) if (!(await this.#take(line))) break
      return
    }
    // A lost connection does not end the session: the next command connects again.
    await converse(this.#options, this.#session, (line) =>
      this.#take(line).catch((error: unknown) => {
        this.#streams.complain(messageOf(error))
        return true
      }),
    )
  }

  /** Runs a line; returns false when no more lines should be read. */
  async #take(line: string): Promise<boolean> {
    const words = splitInline(Buffer.from(line, 'utf8').toString('latin1'))
    if (words === undefined) this.#streams.complain('Invalid argument(s)')
    else if (/^(quit|exit)$/i.test(words[0] ?? '')) return false
    else if (words.length > 0) await this.#runLine(words)
    return this.#allWell || !this.#options.errorExits
  }

  /**
   * A number before a command repeats it; `-r` is for the command of the command line, as in
   * redis-cli.
   */
  async #runLine(words: readonly string[]): Promise<void> {
    const [first = ''] = words
    const isCount = words.length > 1 && /^[1-9]\d{0,8}$/.test(first)
    await this.#repeated(isCount ? words.slice(1) : words, isCount ? Number(first) : 1)
  }
}

const messageOf = (error: unknown): string => (error as Error).message
