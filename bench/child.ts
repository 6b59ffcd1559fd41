// Runs a program of `children/` in a process of its own and returns what it reports, so that a client's work never slows the measuring one.

import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export interface Child<T> {
  /** What it reports when it is done. */
  result: Promise<T>
  /** Asks it to end and report. */
  finish(): void
}

/** `input` is handed over as JSON in its first argument. */
export function startChild<T>(name: string, input: object): Child<T> {
  const child = fork(fileURLToPath(new URL(`children/${name}.ts`, import.meta.url)), [JSON.stringify(input)], {
    execArgv: [...process.execArgv.filter((option) => !option.startsWith('--eval'))],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const result = new Promise<T>((resolve, reject) => {
    child.once('message', (message) => resolve(message as T))
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`bench/children/${name}.ts ended with ${code} before it reported`)))
  })
  return { result, finish: () => child.send('finish') }
}

// ── the child's side ────────────────────────────────────────────────────────

export function childInput<T>(): T {
  return JSON.parse(process.argv[2]!) as T
}

/** Tells the result and ends the process. */
export function reportAndExit(result: unknown): void {
  process.send!(result, () => process.exit(0))
}

/** Resolves when the parent asks to finish. */
export function askedToFinish(): Promise<void> {
  return new Promise((resolve) => process.once('message', () => resolve()))
}
