// Runs a program of `children/` in a process of its own and returns what it reports, so that a
// client's work never slows the measuring one.

import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export interface Child<T> {
  /** When it has said that its work has begun; never, if it does not say so. */
  ready: Promise<void>
  /** What it reports when it is done. */
  result: Promise<T>
  /** Asks it to end and report. */
  finish(): void
}

const READY = 'ready'

/** `input` is handed over as JSON in its first argument. */
export function startChild<T>(name: string, input: object): Child<T> {
  const child = fork(fileURLToPath(new URL(`children/${name}.ts`, import.meta.url)), [JSON.stringify(input)], {
    execArgv: [...process.execArgv.filter((option) => !option.startsWith('--eval'))],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  let begun: () => void = () => {}
  const ready = new Promise<void>((resolve) => {
    begun = resolve
  })
  const result = new Promise<T>((resolve, reject) => {
    child.on('message', (message) => {
      if (message === READY) begun()
      else resolve(message as T)
    })
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`bench/children/${name}.ts ended with ${code} before it reported`)))
  })
  return { ready, result, finish: () => child.send('finish') }
}

// ── the child's side ────────────────────────────────────────────────────────

export function childInput<T>(): T {
  // The asking process is gone: no process waits for the report.
  process.once('disconnect', () => process.exit(1))
  return JSON.parse(process.argv[2]!) as T
}

/** Tells the result and ends the process. */
export function reportAndExit(result: unknown): void {
  process.send!(result, () => process.exit(0))
}

export function sayReady(): void {
  process.send!(READY)
}

/** Resolves when the parent asks to finish. */
export function askedToFinish(): Promise<void> {
  return new Promise((resolve) => process.once('message', () => resolve()))
}
