// Who is there to ask, and who is whom: users by name, the user of each client, who was refused what.
//
// `requirepass` is the password of the user `default`, whom everybody is who has not said otherwise; as long as that one is on and has no
// password, everybody is let in. What a user may do is looked at only for those who may not do everything: `CLIENT_RESTRICTED`.

import { AccessLog, type DenialContext, type DenialReason, LOGGED_BYTES_MAX } from '../../acl/access-log.ts'
import { hashPassword, joinSelectors, type RuleContext, User } from '../../acl/user.ts'
import { targetOf } from '../../broker/group-name.ts'
import type { Config } from '../../config/config.ts'
import type { Arguments } from '../../protocol/arguments.ts'
import type { Bytes } from '../../util/bytes/bytes.ts'
import type { Stats } from '../figures/stats.ts'
import type { Log } from '../log.ts'
import type { CommandTable } from '../spec/command-table.ts'
import type { Tracker } from '../tracking/tracking.ts'
import type { UnitClock } from '../upkeep/unit-clock.ts'
import { CLIENT_RESTRICTED, CLIENT_UNAUTHENTICATED, type Client } from './client.ts'
import { describeClient } from './describe-client.ts'

const DEFAULT_USER = 'default'
/** Who is refused is refused again at every attempt: a line now and then is enough, ACL LOG has the rest. */
const DENIAL_TOLD_MS = 10_000
/** What a new server lets everybody do. */
const OPEN_RULES = ['+@all', '~*', '&*', 'on', 'nopass']

export interface UsersHost {
  readonly config: Config
  readonly commands: CommandTable
  readonly environment: {
    readonly unitClock: UnitClock
    readonly log: Log
  }
  readonly figures: {
    readonly stats: Stats
  }
  readonly clients: {
    readonly connected: { values(): IterableIterator<Client>; close(client: Client, when: 'flushed' | 'now'): void }
    readonly tracking: { trackerOf(client: Client): Tracker | undefined }
  }
  readonly requests: {
    readonly runner: { readonly client: Client | undefined }
  }
}

export class Users {
  readonly log = new AccessLog()
  /** Everybody is this one at first. Never another object. */
  readonly default: User
  readonly #host: UsersHost
  #byName = new Map<string, User>()
  #requirepass = ''
  /** Bytes of all users but `default`, who was there when the process was measured. */
  #userBytes = 0
  #denialToldMs = Number.NEGATIVE_INFINITY
  #denialsUntold = 0

  constructor(host: UsersHost) {
    this.#host = host
    this.default = this.#openDefault()
    this.#byName.set(DEFAULT_USER, this.default)
    this.#takeRequirepass(host.config.get('requirepass'))
    host.config.onChange('requirepass', (password) => this.#takeRequirepass(password))
  }

  // ── users ────────────────────────────────────────────────────────────────

  /** True when everybody is let in. */
  get isOpen(): boolean {
    return this.default.enabled && this.default.noPassword
  }

  /** Bytes that users, and what is kept of refusals, take. */
  get bytes(): number {
    return this.#userBytes + this.log.bytes
  }

  get(name: string): User | undefined {
    return this.#byName.get(name)
  }

  /** All of them, in the order of their names' bytes. */
  sorted(): User[] {
    return [...this.#byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  /** What rules are read with. */
  get ruleContext(): RuleContext {
    const { commands, config } = this.#host
    return { commands, allChannels: config.get('acl-pubsub-default') === 'allchannels' }
  }

  /**
   * Applies rules to a user, which is made if there is none of that name: all of them or none.
   *
   * Subscribers whose channels are taken away are disconnected. `failed` is called with the rule that cannot be applied and what is
   * wrong with it; it throws. Throws UnclosedSelector.
   */
  set(name: string, words: readonly string[], failed: (rule: string, error: unknown) => never): void {
    const rules = joinSelectors(words)
    const context = this.ruleContext
    const user = this.#byName.get(name)
    const draft = user === undefined ? new User(name, context) : user.copy(context)
    for (const rule of rules) {
      try {
        draft.apply(rule, context)
      } catch (error) {
        failed(rule, error)
      }
    }
    if (user === undefined) this.#byName.set(name, draft)
    else this.#change(user, draft)
    this.#count()
  }

  /** Removes a user and ends its connections; false when there is none. */
  delete(name: string): boolean {
    const user = this.#byName.get(name)
    if (user === undefined) return false
    this.#byName.delete(name)
    this.#count()
    this.#dismiss(new Set([user]))
    return true
  }

  /** Takes these users in place of those there are; whoever is connected as another than `default` is disconnected. */
  replaceAll(users: ReadonlyMap<string, User>): void {
    const dismissed = new Set(this.#byName.values())
    dismissed.delete(this.default)
    this.default.become(users.get(DEFAULT_USER) ?? this.#openDefault())
    this.#byName = new Map(users)
    this.#byName.set(DEFAULT_USER, this.default)
    this.#count()
    this.#dismiss(dismissed)
    for (const client of this.#host.clients.connected.values()) this.#mark(client)
  }

  /** Users that a configuration file must name, as its lines: not a `default` that is as `requirepass` makes it. */
  configured(): User[] {
    const plain = this.#openDefault()
    setRequirepass(plain, this.#host.config.get('requirepass'), this.ruleContext)
    return this.sorted().filter((user) => user !== this.default || user.describe() !== plain.describe())
  }

  #openDefault(): User {
    const user = new User(DEFAULT_USER, this.ruleContext)
    for (const rule of OPEN_RULES) user.apply(rule, this.ruleContext)
    return user
  }

  #takeRequirepass(password: string): void {
    // A password that ACL SETUSER gave is not taken away by saying again what `requirepass` was.
    if (password === this.#requirepass) return
    this.#requirepass = password
    setRequirepass(this.default, password, this.ruleContext)
  }

  #count(): void {
    this.#userBytes = 0
    for (const user of this.#byName.values()) if (user !== this.default) this.#userBytes += user.bytes
  }

  #change(user: User, draft: User): void {
    const subscribers = this.#clientsOf(new Set([user])).filter((client) => client.outputClass === 'pubsub')
    user.become(draft)
    for (const client of subscribers) if (!mayListen(user, client)) this.#end(client)
    for (const client of this.#clientsOf(new Set([user]))) this.#mark(client)
  }

  #dismiss(users: ReadonlySet<User>): void {
    for (const client of this.#clientsOf(users)) {
      client.user = this.default
      client.state |= CLIENT_UNAUTHENTICATED
      this.#mark(client)
      this.#end(client)
    }
  }

  /** Ends a connection: that of whoever asks for it after its reply. */
  #end(client: Client): void {
    const { connected: clients } = this.#host.clients
    const { runner } = this.#host.requests
    clients.close(client, client === runner.client ? 'flushed' : 'now')
  }

  #clientsOf(users: ReadonlySet<User>): Client[] {
    return [...this.#host.clients.connected.values()].filter((client) => users.has(client.user))
  }

  // ── clients ──────────────────────────────────────────────────────────────

  /** Makes a client what it is before it has said who it is. */
  greet(client: Client): void {
    client.user = this.default
    if (!this.isOpen) client.state |= CLIENT_UNAUTHENTICATED
    else client.state &= ~CLIENT_UNAUTHENTICATED
    this.#mark(client)
  }

  /** Makes the client that user if it is on and the password is right. */
  authenticate(client: Client, name: string, password: string): boolean {
    const user = this.#byName.get(name)
    // Hashed for nobody too: the time does not tell whether there is such a user.
    const hash = hashPassword(password)
    if (user === undefined || !user.enabled || !user.hasPassword(hash)) return false
    this.#become(client, user)
    return true
  }

  /** Makes the client that user if it is on: somebody else has seen who it is. */
  identify(client: Client, name: string): boolean {
    const user = this.#byName.get(name)
    if (user === undefined || !user.enabled) return false
    this.#become(client, user)
    return true
  }

  #become(client: Client, user: User): void {
    client.user = user
    client.state &= ~CLIENT_UNAUTHENTICATED
    this.#mark(client)
  }

  /** Whether a client's requests must be looked at. A caller within the process has the memory anyway, as long as it is nobody else. */
  #mark(client: Client): void {
    const isFree = client.user.isUnrestricted || (client.origin !== 'client' && client.user === this.default)
    if (isFree) client.state &= ~CLIENT_RESTRICTED
    else client.state |= CLIENT_RESTRICTED
  }

  // ── refusals ─────────────────────────────────────────────────────────────

  /** Counts a refusal and keeps it for ACL LOG. `username`: as whom it wanted to come in. */
  refused(
    client: Client,
    reason: DenialReason,
    context: DenialContext,
    object: Bytes,
    username?: Bytes,
    args?: Arguments,
  ): void {
    const { config } = this.#host
    const { unitClock } = this.#host.environment
    const { stats } = this.#host.figures
    stats.accessDenied[reason]++
    const now = unitClock.now()
    this.log.add(
      { reason, context, object: cut(object), username: username === undefined ? client.user.name : cut(username) },
      describeClient(client, now, this.#host.clients.tracking.trackerOf(client), args),
      now,
      config.get('acllog-max-len'),
    )
    this.#tellOfDenial(client, reason, now)
  }

  /** Neither keys nor words: what was refused stands in ACL LOG. */
  #tellOfDenial(client: Client, reason: DenialReason, nowMs: number): void {
    this.#denialsUntold++
    if (nowMs - this.#denialToldMs < DENIAL_TOLD_MS) return
    const details = { reason, user: client.user.name, client: client.transport.address, count: this.#denialsUntold }
    this.#host.environment.log.warn(details, 'Access denied, see ACL LOG')
    this.#denialToldMs = nowMs
    this.#denialsUntold = 0
  }
}

/** `requirepass`: the password, and the only one; empty = none is asked for. */
function setRequirepass(user: User, password: string, context: RuleContext): void {
  user.apply('resetpass', context)
  user.apply(password === '' ? 'nopass' : `>${password}`, context)
}

/** As much of a client's text as is kept, in memory of its own. */
function cut(text: Bytes): string {
  return text.source.u8.toString('latin1', text.start, text.start + Math.min(text.length, LOGGED_BYTES_MAX))
}

/** Tells whether a user may be subscribed to all that a client is subscribed to. */
function mayListen(user: User, { channels, patterns, shardChannels }: Client): boolean {
  const mayAll = (names: Iterable<string>, isPattern: boolean): boolean =>
    [...names].every((name) =>
      user.selectors.some((selector) => selector.allowsChannelNamed(targetOf(name), isPattern)),
    )
  return mayAll(patterns, true) && mayAll(channels, false) && mayAll(shardChannels, false)
}
