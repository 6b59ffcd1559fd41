// The terminal of a program that asks and answers: lines out, yes or no in.

import { createInterface } from 'node:readline/promises'

/** Where the programs print and ask. */
export interface Terminal {
  print(line: string): void
  /** True when the answer is yes. */
  confirm(question: string): Promise<boolean>
}

export const processTerminal: Terminal = {
  print: (line) => void process.stdout.write(`${line}\n`),
  async confirm(question) {
    const asking = createInterface({ input: process.stdin, output: process.stdout })
    // Without anybody to answer the input ends: that is a no.
    const ended = new Promise<string>((resolve) => asking.once('close', () => resolve('')))
    const answer = await Promise.race([asking.question(`${question} [y/N] `), ended])
    asking.close()
    return /^y(es)?$/i.test(answer.trim())
  },
}
