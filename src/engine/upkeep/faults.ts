// Faults on demand: what a program's tests ask for, to see whether it lives through what goes wrong between it and a server.
//
//   a request ─▶ admission ──rule: error, cut before──▶ not run
//                    │  ╰──condition: LOADING, READONLY, MISCONF, OOM──▶ refused, as Redis refuses it
//                    ▼
//                   run ─▶ output ─▶ turn ──rule: cut after, delay; cutAfter, delay──▶ shortened, kept back
//
// They act on clients of every kind: calls of the program, streams, sockets. Until the first is asked for there is no object of
// this class, and nobody looks for one but at two null seats.
//
// What one client hears is never heard in another order: no connection does that. Who delays one client and not another has them
// hear things in another order than they happened.

import { ERR, ReplyError } from '../../protocol/errors.ts'
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

/** What happens to some commands; exactly one of `error`, `cut` and `delay`. */
export interface FaultRule {
  /** The command, `GET` or `CLIENT|SETNAME`; without it all are meant. */
  command?: string
  /** The client's name (CLIENT SETNAME; ioredis: `connectionName`); without it all are meant. */
  client?: string
  /** The first such command that it happens to; default: the next, 1. */
  nth?: number
  /** To how many of them it happens, one after the other; default 1, `Infinity` = until `end`. */
  times?: number
  /** The command is not run, and answered by this: `LOADING Redis is loading the dataset in memory`. */
  error?: string
  /** The connection ends before the command is run, or after that, its reply unsent. */
  cut?: 'before' | 'after'
  /** The reply, and what else its client is told meanwhile, is heard so much later. */
  delay?: Duration
}

/** A fault that was asked for. */
export interface Fault {
  /** How often it has happened. */
  readonly hits: number
  /** It happens no more. */
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

/** What a client is going to hear otherwise than it was said. */
interface Hearing {
  /** Everything behind this position in its output is lost, and the connection with it. */
  keptBytes: number | undefined
  /** How long its output is to be kept back; 0 = it is not. */
  delayMs: number
  /** Its output is kept back until this fires. */
  timer: Timer | undefined
  /** It was kept back long enough. */
  isReleased: boolean
}

export class Faults {
  readonly #host: FaultsHost
  #rules: Rule[] = []
  readonly #conditions = new Set<FaultyCondition>()
  /** What is heard of a limit on bytes: how many may still be. */
  #limits: { readonly client: string | undefined; left: number; hits: number }[] = []
  #delays: { readonly client: string | undefined; readonly ms: number; hits: number }[] = []
  readonly #hearing = new Map<Client, Hearing>()

  /** @internal A program has it as `broker.faults`. */
  constructor(host: FaultsHost) {
    this.#host = host
    host.clients.connected.gone.add((client) => this.#forget(client))
  }

  // ── what a program asks for ──────────────────────────────────────────────

  /** Has something happen to commands. Throws OptionError. */
  add(rule: FaultRule): Fault {
    const made = ruleOf(rule)
    this.#rules.push(made)
    this.#follow()
    return this.#fault(made, () => {
      this.#rules = this.#rules.filter((other) => other !== made)
    })
  }

  /** Begins a condition, in which commands are refused as Redis refuses them; `end` ends it. Throws OptionError. */
  begin(condition: FaultyCondition): Fault {
    if (!CONDITIONS.includes(condition)) throw new OptionError(`no condition: one of ${CONDITIONS.join(', ')}`)
    this.#conditions.add(condition)
    this.#follow()
    return this.#fault({ hits: 1 }, () => this.#conditions.delete(condition))
  }

  /** Ends connections now: those of a name, or all. What they were owed is lost. Returns how many there were. */
  cut(client?: string): number {
    let count = 0
    for (const connected of [...this.#host.clients.connected.values()]) {
      if (!isNamed(connected, client)) continue
      this.#host.clients.connected.close(connected, 'now')
      count++
    }
    return count
  }

  /** Ends the connection that has heard so many bytes from now on, of those of a name or of all, in the middle of whatever it was told. */
  cutAfter(bytes: number, client?: string): Fault {
    if (!Number.isInteger(bytes) || bytes < 0) throw new OptionError('cutAfter: a number of bytes')
    const limit = { client, left: bytes, hits: 0 }
    this.#limits.push(limit)
    return this.#fault(limit, () => {
      this.#limits = this.#limits.filter((other) => other !== limit)
    })
  }

  /** Has clients of a name, or all, hear everything so much later; what gathers meanwhile is then heard at a stretch. */
  delay(duration: Duration, client?: string): Fault {
    const delay = { client, ms: durationOf(duration, 'delay'), hits: 0 }
    this.#delays.push(delay)
    return this.#fault(delay, () => {
      this.#delays = this.#delays.filter((other) => other !== delay)
    })
  }

  /** Has each sync of the disk take so much longer, of the machine's time. Under `always` replies wait for it. */
  slowDisk(duration: Duration): Fault {
    const { switches } = this.#host.conditions
    switches.syncDelayMs = durationOf(duration, 'slowDisk')
    return this.#fault({ hits: 1 }, () => {
      switches.syncDelayMs = 0
    })
  }

  /** Ends all of them; what was kept back is heard. */
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

  /** @internal A client asks for a command. Returns why it is refused, 'cut' when the connection ends instead, undefined when it may go on. */
  meets(client: Client, command: Command, claims: Requirements): ReplyError | 'cut' | undefined {
    let outcome: ReplyError | 'cut' | undefined
    // Each rule counts, whatever another one does to the command.
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

  /** @internal The refusal of all writes; undefined = writes are accepted. */
  get refusalOfWrites(): ReplyError | undefined {
    if (this.#conditions.has('READONLY')) return READONLY
    return this.#conditions.has('MISCONF') ? ERR.misconfRdb : undefined
  }

  /** @internal Clients look for it in INFO, too. */
  get isLoading(): boolean {
    return this.#conditions.has('LOADING')
  }

  /** @internal */
  get isOutOfMemory(): boolean {
    return this.#conditions.has('OOM')
  }

  // ── what clients hear ────────────────────────────────────────────────────

  /** @internal A client's output is about to leave: shortens it where its connection is to end, and tells whether it is kept back. */
  keepsBack(client: Client): boolean {
    const hearing = this.#hearing.get(client)
    if (this.#isDelayed(client, hearing)) return true
    if (hearing?.keptBytes !== undefined) {
      // What came before has left; the reply itself may be long in coming.
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

  /** Its connection ends when so much of the output has left. */
  #shorten(client: Client, bytes: number): void {
    client.rewind(bytes)
    client.closing = true
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
  return name === undefined || client.name === name
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
