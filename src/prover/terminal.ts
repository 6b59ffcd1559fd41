// The terminal of a program: it prints lines, and asks questions with a yes or no.

import { createInterface } from 'node:readline/promises'

/** Where programs print and ask. */
export interface Terminal {
  print(line: string): void
  /** Resolves with true when the answer is yes. */
  confirm(question: string): Promise<boolean>
}

export const processTerminal: Terminal = {
  print: (line) => void process.stdout.write(`${line}\n`),
  async confirm(question) {
    const asking = createInterface({ input: process.stdin, output: process.stdout })
    // Without a user the input ends: that counts as no.
    const ended = new Promise<string>((resolve) => asking.once('close', () => resolve('')))
    const answer = await Promise.race([asking.question(`${question} [y/N] `), ended])
    asking.close()
    return /^y(es)?$/i.test(answer.trim())
  },
}
