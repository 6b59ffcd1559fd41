// `respite prove-durability`: tests on the user's own machine which data survives.
//
// Two trials alternate: a server on the given disk that is killed (durability/kill-trial.ts), and
// power cuts (durability/power-trial.ts). Real power cuts would need a plug to be pulled, so they
// happen to an engine on a disk in memory. After each death everything is read back and compared
// with what was acknowledged.
//
// Exit codes: 0 every promise was kept; 1 one was broken, or a server did not start again; 2
// invalid command line.

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import path from 'node:path'
import type { ConfigSettings } from '../config/config.ts'
import { assert } from '../util/assert.ts'
import { performance } from '../util/time/real-time.ts'
import { KillTrial } from './durability/kill-trial.ts'
import { PowerTrial } from './durability/power-trial.ts'
import { durabilityRules, type Finding, type Policy } from './durability/workload.ts'
import type { ClusterProofOptions } from './prove-cluster.ts'
import { processTerminal, type Terminal } from './terminal.ts'
import { SERVE_FILES } from './volatile-files/volatile-files.ts'

const HELP = `Usage: respite prove-durability --dir DIR [--seconds N] [--policy always|everysec|none|all] [--seed N]

Tests which data survives a crash. Starts the server again and again with its data under DIR, lets many clients
write (lists, moves between lists, transactions, scripts, streams, strings, messages that channels keep, also
scheduled and sent twice), lets named subscribers and groups listen, kills it with SIGKILL, and checks whether
everything it acknowledged is there after the next start, and was received: once, in order, units whole. Between the
kills it does the same with power cuts, on a simulated disk that drops or tears data that was not synced, and
sometimes fails.

  --dir DIR       a directory on the disk to test; a new directory is made in it, and removed at the end
  --seconds N     how long; default 10
  --policy P      always, everysec or none for all keys; all (the default) tries each by itself, and
                  keys of every policy together, by 'durability' rules
  --seed N        repeats the power cuts of an earlier run

With --cluster (docs/cluster.md) three log servers and three brokers are started here, and all of them are killed, paused, cut off and
lose their power in turn, while clients write and read. nats-server, or etcd, is taken from the PATH.

  --cluster
  --log-system S  nats (the default) or etcd
  --shards N      1 (the default), or 2 that share the keys, whose slots move meanwhile
  --rounds N      the most rounds of four strikes each
  --history FILE  writes the history of all operations, for porcupine, or for Elle if FILE ends in .edn (docs/trust.md)
  --verbose yes   prints each strike
  --dir, --seconds, --seed as above; --dir may be left out; of policies, 'always' alone promises anything

Exit code 0 when every promise was kept, 1 when one was broken.
`

const POLICIES = ['always', 'everysec', 'none'] as const
/** The trials: settings, and the policies of the keys written under them. */
const TRIALS: readonly { name: Policy | 'all'; settings: ConfigSettings; policies: readonly Policy[] }[] = [
  {
    name: 'all',
    settings: { appendfsync: 'no', durability: durabilityRules('always', 'everysec') },
    policies: POLICIES,
  },
  {
    name: 'all',
    settings: { appendfsync: 'always', durability: durabilityRules('none', 'everysec') },
    policies: POLICIES,
  },
  { name: 'always', settings: { appendfsync: 'always' }, policies: ['always'] },
  { name: 'everysec', settings: { appendfsync: 'everysec' }, policies: ['everysec'] },
  { name: 'none', settings: { appendfsync: 'no' }, policies: ['none'] },
]

interface Options {
  dir: string
  seconds: number
  policy: Policy | 'all'
  seed: number
}

/** Runs the proof and returns the exit code. */
export async function runProveDurability(
  args: readonly string[],
  terminal: Terminal = processTerminal,
): Promise<number> {
  const [first, mountPoint] = args
  if (first === SERVE_FILES && mountPoint !== undefined && args.length === 2)
    return (await import('./volatile-files/serve-files.ts')).serveFiles(mountPoint)
  if (args[0] === '--cluster') {
    const options = readClusterOptions(args.slice(1))
    if (options !== undefined) return (await import('./prove-cluster.ts')).proveCluster(options, terminal)
  }
  const options = readOptions(args)
  if (options === undefined) {
    terminal.print(HELP.trimEnd())
    return args.includes('--help') ? 0 : 2
  }
  const { dir, seconds, policy, seed } = options
  mkdirSync(dir, { recursive: true })
  const data = mkdtempSync(path.join(dir, 'prove-'))
  terminal.print(`Proving durability for ${seconds} s; data under ${data}, seed ${seed}.`)
  const kills = new KillTrial(data)
  const cuts = new PowerTrial(seed)
  const killed = new Tally()
  const cut = new Tally()
  const trials = TRIALS.filter(({ name }) => policy === 'all' || name === policy)
  const endMs = performance.now() + seconds * 1000
  try {
    for (let i = 0; i === 0 || performance.now() < endMs || kills.lives < 2; i++) {
      const { settings, policies } = inTurn(trials, i)
      const began = performance.now()
      killed.add(await kills.live(settings, policies))
      // Power cuts get the same time.
      for (const until = 2 * performance.now() - began; performance.now() < until; ) {
        const trial = inTurn(trials, cuts.lives)
        cut.add(await cuts.live(trial.settings, trial.policies))
      }
    }
    const last = inTurn(trials, 0)
    killed.add(await kills.live(last.settings, last.policies))
    cut.add(await cuts.live(last.settings, last.policies))
  } catch (error) {
    terminal.print(`The proof failed: ${(error as Error).message}`)
    return 1
  } finally {
    kills.end()
    rmSync(data, { recursive: true, force: true })
  }
  return report(terminal, [
    [`killed (SIGKILL) ${kills.lives - 1} times`, killed],
    [`power cut ${cuts.lives - 1} times (simulated disk)`, cut],
  ])
}

/** The item for step `step`, when all items take turns. */
function inTurn<T>(items: readonly T[], step: number): T {
  const item = items[step % items.length]
  assert(item !== undefined, 'there is a trial for each policy')
  return item
}

/** Adds up findings by policy. */
class Tally {
  readonly sums = new Map<Policy, { acknowledged: number; recovered: number; lost: number; forbidden: number }>()
  readonly broken: string[] = []

  add(findings: readonly Finding[]): void {
    for (const { policy, acknowledged, recovered, lost, forbidden, broken } of findings) {
      let sum = this.sums.get(policy)
      if (sum === undefined) {
        sum = { acknowledged: 0, recovered: 0, lost: 0, forbidden: 0 }
        this.sums.set(policy, sum)
      }
      sum.acknowledged += acknowledged
      sum.recovered += recovered
      sum.lost += lost
      sum.forbidden += forbidden
      if (broken !== undefined) this.broken.push(broken)
    }
  }
}

function report(terminal: Terminal, tallies: readonly (readonly [string, Tally])[]): number {
  let kept = true
  for (const [title, { sums, broken }] of tallies) {
    terminal.print(`\n${title}`)
    terminal.print(row(['policy', 'acknowledged', 'recovered', 'lost', 'of that forbidden']))
    for (const policy of POLICIES) {
      const sum = sums.get(policy)
      if (sum === undefined) continue
      terminal.print(row([policy, sum.acknowledged, sum.recovered, sum.lost, sum.forbidden]))
      if (sum.forbidden > 0) kept = false
    }
    for (const text of broken) terminal.print(`  broken: ${text}`)
    if (broken.length > 0) kept = false
  }
  terminal.print(kept ? '\nEvery promise was kept.' : '\nA promise was broken.')
  return kept ? 0 : 1
}

function row(cells: readonly (string | number)[]): string {
  return cells.map((cell, i) => (i === 0 ? `  ${cell}`.padEnd(12) : String(cell).padStart(i === 4 ? 19 : 14))).join('')
}

const newSeed = (): number => Math.floor(Math.random() * 2 ** 31)

function readNumber(text: string): number | undefined {
  return /^\d{1,10}(\.\d{1,3})?$/.test(text) ? Number(text) : undefined
}

function readOptions(args: readonly string[]): Options | undefined {
  const options: Options = { dir: '', seconds: 10, policy: 'all', seed: newSeed() }
  for (let i = 0; i < args.length; i += 2) {
    const value = args[i + 1]
    if (value === undefined) return undefined
    const number = readNumber(value)
    if (args[i] === '--dir' && value !== '') options.dir = value
    else if (args[i] === '--seconds' && number !== undefined) options.seconds = number
    else if (args[i] === '--seed' && number !== undefined) options.seed = number
    else if (args[i] === '--policy' && /^(always|everysec|none|all)$/.test(value)) options.policy = value as Policy
    else return undefined
  }
  return options.dir === '' ? undefined : options
}

function readClusterOptions(args: readonly string[]): ClusterProofOptions | undefined {
  let options: ClusterProofOptions = {
    dir: undefined,
    logKind: 'nats',
    seconds: 60,
    rounds: Number.POSITIVE_INFINITY,
    seed: newSeed(),
    settings: {},
    isVerbose: false,
    history: undefined,
    shards: 1,
  }
  for (let i = 0; i < args.length; i += 2) {
    const value = args[i + 1]
    if (value === undefined) return undefined
    const number = readNumber(value)
    if (args[i] === '--dir' && value !== '') options = { ...options, dir: value }
    else if (args[i] === '--seconds' && number !== undefined) options = { ...options, seconds: number }
    else if (args[i] === '--rounds' && number !== undefined) options = { ...options, rounds: number }
    else if (args[i] === '--seed' && number !== undefined) options = { ...options, seed: number }
    else if (args[i] === '--shards' && /^[12]$/.test(value)) options = { ...options, shards: Number(value) }
    else if (args[i] === '--log-system' && /^(nats|etcd)$/.test(value))
      options = { ...options, logKind: value as 'nats' | 'etcd' }
    else if (args[i] === '--policy' && /^(always|everysec|no)$/.test(value))
      options = { ...options, settings: { appendfsync: value } }
    else if (args[i] === '--history' && value !== '') options = { ...options, history: value }
    else if (args[i] === '--verbose' && /^(yes|no)$/.test(value)) options = { ...options, isVerbose: value === 'yes' }
    else return undefined
  }
  return options
}
