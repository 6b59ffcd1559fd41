// `respite prove-durability --cluster`: tests on the user's own machine what a cluster loses.
//
// Three log servers and three brokers (cluster/cluster.ts), clients that record their replies
// (cluster/recorder.ts), and faults in all of these (cluster/strikes.ts). If the system allows it,
// each machine has a disk whose power can be cut, and a network that can be cut off.
//
// Exit codes: 0 every promise was kept; 1 one was broken, or the cluster did not recover; 2 invalid
// command line.

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { ConfigSettings } from '../config/config.ts'
import { performance } from '../util/time/real-time.ts'
import { ClusterTrial, type TrialResults } from './cluster/cluster-trial.ts'
import { HistoryFile } from './cluster/history-file.ts'
import type { LogKind } from './cluster/log-system.ts'
import type { Terminal } from './terminal.ts'

/** The history of a register is long. */
const PROBLEM_CHARS_MAX = 300

export interface ClusterProofOptions {
  /**
   * A directory is made here, and removed at the end. Default: the system's directory for temporary
   * files.
   */
  readonly dir: string | undefined
  readonly logKind: LogKind
  readonly seconds: number
  readonly rounds: number
  readonly seed: number
  /** How many shards share the keys. */
  readonly shards: number
  readonly settings: ConfigSettings
  readonly isVerbose: boolean
  /** The file for the history of all operations; undefined = none is written. */
  readonly history: string | undefined
}

/** The words that start this program. */
const PROGRAM: readonly string[] = [process.execPath, ...process.execArgv, ...process.argv.slice(1, 2)]

/** Runs the proof and returns the exit code. */
export async function proveCluster(options: ClusterProofOptions, terminal: Terminal): Promise<number> {
  const { history, isVerbose, logKind, rounds, seconds, seed, settings, shards } = options
  const parent = options.dir ?? tmpdir()
  mkdirSync(parent, { recursive: true })
  const dir = mkdtempSync(path.join(parent, 'respite-prove-'))
  terminal.print(`Proving what a cluster loses, on ${logKind}, for ${seconds} s or ${rounds} rounds; seed ${seed}.`)
  // No other process ends the processes that were started.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
  const file = history === undefined ? undefined : new HistoryFile(history)
  let trial: ClusterTrial | undefined
  let failure: string | undefined
  try {
    const trace = (line: string): void => terminal.print(`  ${line}`)
    trial = await ClusterTrial.start({
      dir,
      logKind,
      program: PROGRAM,
      seed,
      settings,
      shards,
      ...(isVerbose ? { trace } : {}),
      ...(file === undefined ? {} : { onHistory: (round) => file.add(round) }),
    })
    for (const line of trial.cluster.machines.missing) terminal.print(`Note: ${line}.`)
    const endMs = performance.now() + seconds * 1000
    const isEnough = (): boolean => performance.now() >= endMs
    while (
      trial.results.rounds < rounds &&
      trial.results.problems.length === 0 &&
      (trial.results.rounds === 0 || !isEnough())
    )
      await trial.round(isEnough)
  } catch (error) {
    failure = (error as Error).message
  } finally {
    await trial?.end()
  }
  if (trial !== undefined) report(terminal, trial.results)
  if (failure !== undefined) terminal.print(`\nThe proof failed: ${failure}`)
  const isKept = failure === undefined && trial?.results.problems.length === 0
  // The output of the servers may show the reason.
  if (isKept) rmSync(dir, { recursive: true, force: true })
  else terminal.print(`The output of the servers is in ${dir}.`)
  terminal.print(isKept ? '\nEvery promise was kept.' : '\nA promise was broken.')
  return isKept ? 0 : 1
}

function report(terminal: Terminal, seen: TrialResults): void {
  const { acknowledged, cuts, failovers, failures, machinesCut, pausesMs, problems, reads, refused, rounds, unknown } =
    seen
  terminal.print(
    `\n${'strike'.padEnd(54)}${'times'.padStart(6)}${'pause p50'.padStart(12)}${'max'.padStart(10)}${'failed p50'.padStart(12)}${'max'.padStart(6)}`,
  )
  for (const [name, pauses] of [...pausesMs].sort()) {
    const [median, longest] = middleAndMost(pauses)
    const [usual, most] = middleAndMost(failures.get(name) ?? [])
    terminal.print(
      `${name.padEnd(54)}${String(pauses.length).padStart(6)}${ms(median).padStart(12)}${ms(longest).padStart(10)}${String(usual).padStart(12)}${String(most).padStart(6)}`,
    )
  }
  terminal.print(
    `\n${rounds} rounds, ${failovers} changes of the leader, ${cuts} power cuts (of ${machinesCut} machines)`,
  )
  terminal.print(`${acknowledged} writes acknowledged, ${reads} reads, ${refused} refused, ${unknown} unanswered`)
  for (const problem of problems) terminal.print(`  broken: ${problem.slice(0, PROBLEM_CHARS_MAX)}`)
}

function middleAndMost(figures: readonly number[]): [number, number] {
  const sorted = figures.toSorted((a, b) => a - b)
  return [sorted[sorted.length >> 1] ?? 0, sorted.at(-1) ?? 0]
}

const ms = (value: number): string => `${value.toFixed(0)} ms`
