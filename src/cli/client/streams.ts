// Input and output of the client, and the time that passes while it waits.

import { performance, setTimeout } from '../../util/time/real-time.ts'

export interface CliStreams {
  readonly input: AsyncIterable<Buffer | string> & NodeJS.ReadableStream
  /** Whether the input is a terminal. */
  readonly inputIsTerminal: boolean
  readonly outputIsTerminal: boolean
  print(latin1: string): void
  complain(line: string): void
  /** Resolves after a time; with false if the client is to end. */
  rest(milliseconds: number): Promise<boolean>
  /** Milliseconds of a clock that never goes back. */
  now(): number
}

/** Those of the process: it ends by a signal. */
export function processStreams(): CliStreams {
  return {
    input: process.stdin,
    inputIsTerminal: process.stdin.isTTY === true,
    outputIsTerminal: process.stdout.isTTY === true,
    print: (latin1) => void process.stdout.write(latin1, 'latin1'),
    complain: (line) => void process.stderr.write(`${line}\n`),
    rest: (milliseconds) => new Promise((resolve) => setTimeout(() => resolve(true), milliseconds)),
    now: () => performance.now(),
  }
}
