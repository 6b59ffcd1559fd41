// Faults on demand: failures between a program and a server, which the program's tests ask for.
//
//   a request ─▶ admission ──rule: error, cut before──▶ not run
//                    │  ╰──condition: LOADING, READONLY, MISCONF, OOM──▶ refused, as Redis refuses it
//                    ▼
//                   run ─▶ output ─▶ turn ──rule: cut after, delay; cutAfter, delay──▶ shortened, withheld
//
// They act on clients of every kind: calls of the program, streams, sockets. Until a test asks for
// the first fault there is no object of this class, and two null fields are all that a request
// looks at.
//
// The order of one client's messages never changes, as no connection changes it. If one client is
// delayed and another is not, the two may see events in different orders.

import { ERR, ReplyError } from '../../protocol/errors.ts'
import { assert } from '../../util/assert.ts'
import { OptionError } from '../../util/option-error.ts'
import type { Clock, Timer } from '../../util/time/clock.ts'
import { type Duration, durationOf } from '../../util/time/duration.ts'
import type { Client } from '../clients/client.ts'
import type { Clients } from '../clients/clients.ts'
import type { ServerState } from '../conditions/state.ts'
import type { Command, Requirements } from '../spec/command.ts'
import type { DebugSwitches } from './debug-switches.ts'

/** A state in which a server refuses commands. */
export type FaultyCondition = 'LOADING' | 'READONLY' | 'MISCONF' | 'OOM'

/** A fault of some commands; it has exactly one of `error`, `cut` and `delay`. */
export interface FaultRule {
  /** The command, `GET` or `CLIENT|SETNAME`; default: all commands. */
  command?: string
  /** The client's name (CLIENT SETNAME; ioredis: `connectionName`); default: all clients. */
  client?: string
  /** The first such command that the fault meets; default 1, the next one. */
  nth?: number
  /**
   * The number of commands that it meets, one after the other; default 1, `Infinity` = until `end`.
   */
  times?: number
  /**
   * The command is not run, and gets this error: `LOADING Redis is loading the dataset in memory`.
   */
  error?: string
  /** The connection ends before the command is run, or after that and without its reply. */
  cut?: 'before' | 'after'
  /** The reply, and all later output to its client, is delayed by this time. */
  delay?: Duration
}

/** A fault that a test has asked for. */
export interface Fault {
  /** The number of times that it has happened. */
  readonly hits: number
  /** Ends the fault. */
  end(): void
}

export interface FaultsHost {
  readonly environment: {
    readonly clock: Clock
  }
  readonly clients: {
    readonly connected: Clients
    readonly outputLimits: { check(client: Client): boolean }
  }
  readonly conditions: {
    readonly state: ServerState
    readonly switches: DebugSwitches
  }
  readonly requests: {
    readonly replies: { mark(): void }
    readonly turn: { flushSoon(client: Client): void }
  }
}

const READONLY = new ReplyError("READONLY You can't write against a read only replica.")
const RULE_OPTIONS: readonly string[] = ['command', 'client', 'nth', 'times', 'error', 'cut', 'delay']
const CONDITIONS: readonly string[] = ['LOADING', 'READONLY', 'MISCONF', 'OOM'] satisfies FaultyCondition[]

interface Rule {
  readonly command: string | undefined
  readonly client: string | undefined
  readonly first: number
  readonly last: number
  readonly effect: ReplyError | 'before' | 'after' | number
  met: number
  hits: number
}

/** The faults of one client's output. */
interface Hearing {
  /** The connection ends, and the output behind this position is lost. */
  keptBytes: number | undefined
  /** Milliseconds for which its output is withheld; 0 = it is not. */
  delayMs: number
  /** Its output is withheld until this fires. */
  timer: Timer | undefined
  /** Its delay is over. */
  isReleased: boolean
}

export class Faults {
  readonly #host: FaultsHost
  #rules: Rule[] = []
  readonly #conditions = new Set<FaultyCondition>()
  /** Limits on the bytes that clients get; `left` is the rest. */
  #limits: { readonly client: string | undefined; left: number; hits: number }[] = []
  #delays: { readonly client: string | undefined; readonly ms: number; hits: number }[] = []
  readonly #hearing = new Map<Client, Hearing>()

  /** @internal A program has it as `broker.faults`. */
  constructor(host: FaultsHost) {
    this.#host = host
    host.clients.connected.gone.add((client) => this.#forget(client))
  }

  // ── faults that a program asks for ────────────────────────────────────────

  /** Adds a fault of commands. Throws OptionError. */
  add(rule: FaultRule): Fault {
    const made = ruleOf(rule)
    this.#rules.push(made)
    this.#follow()
    return this.#fault(made, () => {
      this.#rules = this.#rules.filter((other) => other !== made)
    })
  }

  /**
   * Begins a condition, in which commands are refused as Redis refuses them; `end` ends it. Throws
   * OptionError.
   */
  begin(condition: FaultyCondition): Fault {
    if (!CONDITIONS.includes(condition)) throw new OptionError(`no condition: one of ${CONDITIONS.join(', ')}`)
    this.#conditions.add(condition)
    this.#follow()
    return this.#fault({ hits: 1 }, () => this.#conditions.delete(condition))
  }

  /**
   * Ends connections now, of clients of a name or of all. Their replies are lost. Returns the
   * number of connections.
   */
  cut(client?: string): number {
    let count = 0
    for (const connected of [...this.#host.clients.connected.values()]) {
      if (!isNamed(connected, client)) continue
      this.#host.clients.connected.close(connected, 'now')
      count++
    }
    return count
  }

  /**
   * Ends one connection, of a client with a name or of any, after this many further bytes of
   * output, in the middle of a message.
   */
  cutAfter(bytes: number, client?: string): Fault {
    if (!Number.isInteger(bytes) || bytes < 0) throw new OptionError('cutAfter: a number of bytes')
    const limit = { client, left: bytes, hits: 0 }
    this.#limits.push(limit)
    return this.#fault(limit, () => {
      this.#limits = this.#limits.filter((other) => other !== limit)
    })
  }

  /**
   * Delays all output to clients of a name, or to all. The output of the meantime is then sent
   * together.
   */
  delay(duration: Duration, client?: string): Fault {
    const delay = { client, ms: durationOf(duration, 'delay'), hits: 0 }
    this.#delays.push(delay)
    return this.#fault(delay, () => {
      this.#delays = this.#delays.filter((other) => other !== delay)
    })
  }

  /** Delays each sync of the disk, by the machine's clock. Under `always` replies wait for it. */
  slowDisk(duration: Duration): Fault {
    const { switches } = this.#host.conditions
    switches.syncDelayMs = durationOf(duration, 'slowDisk')
    return this.#fault({ hits: 1 }, () => {
      switches.syncDelayMs = 0
    })
  }

  /** Ends all faults; withheld output is sent. */
  clear(): void {
    this.#rules = []
    this.#limits = []
    this.#delays = []
    this.#conditions.clear()
    this.#host.conditions.switches.syncDelayMs = 0
    this.#follow()
    for (const [client, { timer }] of this.#hearing) if (timer !== undefined) this.#release(client)
  }

  #fault(counted: { readonly hits: number }, end: () => void): Fault {
    return {
      get hits() {
        return counted.hits
      },
      end: () => {
        end()
        this.#follow()
      },
    }
  }

  #follow(): void {
    this.#host.conditions.state.faulty.follow(this.#rules.length > 0 || this.#conditions.size > 0)
  }

  // ── requests ─────────────────────────────────────────────────────────────

  /**
   * @internal Applies the rules to a client's command. Returns the error that refuses it, 'cut'
   * when the connection ends instead, undefined when the command may run.
   */
  meets(client: Client, command: Command, claims: Requirements): ReplyError | 'cut' | undefined {
    let outcome: ReplyError | 'cut' | undefined
    // Each rule counts the command, even when another rule acts on it.
    for (const rule of this.#rules) {
      if (rule.command !== undefined && rule.command !== command.name) continue
      if (!isNamed(client, rule.client)) continue
      rule.met++
      if (rule.met < rule.first || rule.met > rule.last || outcome !== undefined) continue
      rule.hits++
      outcome = this.#apply(rule, client)
    }
    if (outcome !== undefined) return outcome
    if (this.isLoading && !claims.runsWhileLoading) return ERR.loading
    return this.isOutOfMemory && claims.isDenyoom ? ERR.outOfMemory : undefined
  }

  #apply({ effect }: Rule, client: Client): ReplyError | 'cut' | undefined {
    if (effect instanceof ReplyError) return effect
    if (effect === 'before') {
      this.#host.clients.connected.close(client, 'flushed')
      return 'cut'
    }
    const hearing = this.#hearingOf(client)
    if (effect === 'after') {
      this.#host.requests.replies.mark()
      hearing.keptBytes ??= client.position
    } else {
      hearing.delayMs = Math.max(hearing.delayMs, effect)
    }
    return undefined
  }

  /** @internal The error that refuses writes; undefined = they are allowed. */
  get refusalOfWrites(): ReplyError | undefined {
    if (this.#conditions.has('READONLY')) return READONLY
    return this.#conditions.has('MISCONF') ? ERR.misconfRdb : undefined
  }

  /** @internal The condition LOADING holds, which INFO shows as well. */
  get isLoading(): boolean {
    return this.#conditions.has('LOADING')
  }

  /** @internal */
  get isOutOfMemory(): boolean {
    return this.#conditions.has('OOM')
  }

  // ── output of clients ─────────────────────────────────────────────────────

  /**
   * @internal Called before a client's output leaves. Shortens it where the connection is to end;
   * returns true when it is withheld.
   */
  keepsBack(client: Client): boolean {
    const hearing = this.#hearing.get(client)
    if (this.#isDelayed(client, hearing)) return true
    if (hearing?.keptBytes !== undefined) {
      // Earlier replies have left. The reply itself may come in a later turn.
      if (client.pendingBytes > hearing.keptBytes) this.#shorten(client, hearing.keptBytes)
      else hearing.keptBytes = 0
    }
    for (const limit of [...this.#limits]) {
      if (!isNamed(client, limit.client) || client.pendingBytes === 0) continue
      if (client.pendingBytes > limit.left) {
        limit.hits++
        this.#limits = this.#limits.filter((other) => other !== limit)
        this.#shorten(client, limit.left)
      } else {
        limit.left -= client.pendingBytes
      }
    }
    return false
  }

  /** Ends the connection after this many bytes of the output. */
  #shorten(client: Client, bytes: number): void {
    assert(!client.connection.closed, 'a connection is shortened that is open')
    client.rewind(bytes)
    client.connection.closing = true
  }

  #isDelayed(client: Client, known: Hearing | undefined): boolean {
    let ms = known?.delayMs ?? 0
    if (known?.isReleased === true) {
      known.isReleased = false
      known.delayMs = 0
      return false
    }
    if (known?.timer === undefined) {
      for (const delay of this.#delays) {
        if (!isNamed(client, delay.client)) continue
        delay.hits++
        ms = Math.max(ms, delay.ms)
      }
      if (ms === 0) return false
      this.#hearingOf(client).timer = this.#host.environment.clock.after(ms, () => this.#release(client))
    }
    client.keepOutput()
    this.#host.clients.outputLimits.check(client)
    return true
  }

  #release(client: Client): void {
    const hearing = this.#hearingOf(client)
    hearing.timer?.cancel()
    hearing.timer = undefined
    hearing.isReleased = true
    this.#host.requests.turn.flushSoon(client)
  }

  #hearingOf(client: Client): Hearing {
    let hearing = this.#hearing.get(client)
    if (hearing === undefined) {
      hearing = { keptBytes: undefined, delayMs: 0, timer: undefined, isReleased: false }
      this.#hearing.set(client, hearing)
    }
    return hearing
  }

  #forget(client: Client): void {
    this.#hearing.get(client)?.timer?.cancel()
    this.#hearing.delete(client)
  }
}

function isNamed(client: Client, name: string | undefined): boolean {
  return name === undefined || client.identity.name === name
}

/** Throws OptionError for a rule that cannot be taken. */
export function checkFaultRule(rule: FaultRule): void {
  ruleOf(rule)
}

function ruleOf(rule: FaultRule): Rule {
  const { command, client, nth = 1, times = 1, error, cut, delay } = rule
  for (const option of Object.keys(rule)) {
    if (!RULE_OPTIONS.includes(option)) throw new OptionError(`unknown option '${option}'`)
  }
  if ([error, cut, delay].filter((effect) => effect !== undefined).length !== 1)
    throw new OptionError("a fault has one of 'error', 'cut' and 'delay'")
  if (!Number.isInteger(nth) || nth < 1) throw new OptionError("option 'nth': 1 for the next, or more")
  if (times !== Number.POSITIVE_INFINITY && (!Number.isInteger(times) || times < 1))
    throw new OptionError("option 'times': 1 or more, or Infinity")
  if (error !== undefined && !/^[A-Z][A-Z0-9_]*( [^\r\n]*)?$/.test(error))
    throw new OptionError("option 'error': a line that begins with its code, such as LOADING")
  if (cut !== undefined && cut !== 'before' && cut !== 'after')
    throw new OptionError("option 'cut': 'before' or 'after'")
  const effect = error === undefined ? (cut ?? durationOf(delay ?? 0, 'delay')) : new ReplyError(error)
  return { command: command?.toLowerCase(), client, first: nth, last: nth + times - 1, effect, met: 0, hits: 0 }
}
