// The users by name, the user of each client, and the refusals for lack of rights.
//
// A client begins as the user `default`, whose password is `requirepass`. While `default` is on and
// has no password, all clients are let in. Rules are checked only for a client whose user has
// restricted rights: `CLIENT_RESTRICTED`.

import { AccessLog, type DenialContext, type DenialReason, LOGGED_BYTES_MAX } from '../../acl/access-log.ts'
import { hashPassword, joinSelectors, type RuleContext, User } from '../../acl/user.ts'
import { targetOf } from '../../broker/group-name.ts'
import type { Config } from '../../config/config.ts'
import type { Arguments } from '../../protocol/arguments.ts'
import { assert } from '../../util/assert.ts'
import type { Bytes } from '../../util/bytes/bytes.ts'
import type { Stats } from '../figures/stats.ts'
import type { Log } from '../log.ts'
import type { CommandTable } from '../spec/command-table.ts'
import type { Tracker } from '../tracking/tracking.ts'
import type { UnitClock } from '../upkeep/unit-clock.ts'
import { CLIENT_RESTRICTED, CLIENT_UNAUTHENTICATED, type Client } from './client.ts'
import { describeClient } from './describe-client.ts'

const DEFAULT_USER = 'default'
/**
 * The interval between two log lines about refusals. A refused client often tries again, and ACL
 * LOG has every refusal.
 */
const DENIAL_TOLD_MS = 10_000
/** The rules of `default` in a new server: all rights, for every client. */
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
  /**
   * The user of each client that has not authenticated as another. It is the same object for ever.
   */
  readonly default: User
  readonly #host: UsersHost
  #byName = new Map<string, User>()
  #requirepass = ''
  /** Bytes of all users but `default`, which existed when the process was measured. */
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

  /** True when a client needs no password. */
  get isOpen(): boolean {
    return this.default.enabled && this.default.noPassword
  }

  /** Bytes of the users, and of the log of refusals. */
  get bytes(): number {
    return this.#userBytes + this.log.bytes
  }

  get(name: string): User | undefined {
    return this.#byName.get(name)
  }

  /** Returns the users, in the order of their names' bytes. */
  sorted(): User[] {
    return [...this.#byName.values()].sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  /** The context in which rules are read. */
  get ruleContext(): RuleContext {
    const { commands, config } = this.#host
    return { commands, allChannels: config.get('acl-pubsub-default') === 'allchannels' }
  }

  /**
   * Applies rules to a user, all of them or none. A user that does not exist is made.
   *
   * Subscribers that lose a channel are disconnected. `failed` is called with a rule that cannot be
   * applied, and the error; it throws. Throws UnclosedSelector.
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

  /** Removes a user and ends its connections; returns false when there is none. */
  delete(name: string): boolean {
    const user = this.#byName.get(name)
    if (user === undefined) return false
    this.#byName.delete(name)
    this.#count()
    this.#dismiss(new Set([user]))
    return true
  }

  /** Replaces all users. Connections of users other than `default` are ended. */
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

  /**
   * Returns the users that a configuration file must name. A `default` user that is as
   * `requirepass` makes it is left out.
   */
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
    // A password that ACL SETUSER gave is not removed by setting `requirepass` to its present
    // value.
    if (password === this.#requirepass) return
    this.#requirepass = password
    setRequirepass(this.default, password, this.ruleContext)
  }

  #count(): void {
    assert(this.#byName.get(DEFAULT_USER) === this.default, 'the user default is the same object for ever')
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
    assert(!users.has(this.default), 'the user default is never removed')
    for (const client of this.#clientsOf(users)) {
      client.identity.user = this.default
      client.state |= CLIENT_UNAUTHENTICATED
      this.#mark(client)
      this.#end(client)
    }
  }

  /** Ends a connection; that of the client whose command runs ends after its reply. */
  #end(client: Client): void {
    const { connected: clients } = this.#host.clients
    const { runner } = this.#host.requests
    clients.close(client, client === runner.client ? 'flushed' : 'now')
  }

  #clientsOf(users: ReadonlySet<User>): Client[] {
    return [...this.#host.clients.connected.values()].filter((client) => users.has(client.identity.user))
  }

  // ── clients ──────────────────────────────────────────────────────────────

  /** Gives a new client the user `default`; the client is authenticated if that has no password. */
  greet(client: Client): void {
    client.identity.user = this.default
    if (!this.isOpen) client.state |= CLIENT_UNAUTHENTICATED
    else client.state &= ~CLIENT_UNAUTHENTICATED
    this.#mark(client)
  }

  /** Makes the client a user, if that is on and the password is right. */
  authenticate(client: Client, name: string, password: string): boolean {
    const user = this.#byName.get(name)
    // The password is hashed even for an unknown name: the time taken does not tell if the user
    // exists.
    const hash = hashPassword(password)
    if (user === undefined || !user.enabled || !user.hasPassword(hash)) return false
    this.#become(client, user)
    return true
  }

  /** Makes the client a user, if that is on. The caller has verified its identity. */
  identify(client: Client, name: string): boolean {
    const user = this.#byName.get(name)
    if (user === undefined || !user.enabled) return false
    this.#become(client, user)
    return true
  }

  #become(client: Client, user: User): void {
    assert(user.enabled, 'a client becomes a user that is on')
    client.identity.user = user
    client.state &= ~CLIENT_UNAUTHENTICATED
    this.#mark(client)
  }

  /**
   * Notes if a client's requests must be checked. A caller within the process can reach the memory
   * anyway, so it is checked only after it has authenticated as another user.
   */
  #mark(client: Client): void {
    const isFree =
      client.identity.user.isUnrestricted ||
      (client.connection.origin !== 'client' && client.identity.user === this.default)
    if (isFree) client.state &= ~CLIENT_RESTRICTED
    else client.state |= CLIENT_RESTRICTED
  }

  // ── refusals ─────────────────────────────────────────────────────────────

  /** Counts a refusal and adds it to ACL LOG. `username` is the name of a failed authentication. */
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
      {
        reason,
        context,
        object: cut(object),
        username: username === undefined ? client.identity.user.name : cut(username),
      },
      describeClient(client, now, this.#host.clients.tracking.trackerOf(client), args),
      now,
      config.get('acllog-max-len'),
    )
    this.#tellOfDenial(client, reason, now)
  }

  /** Logs a line now and then. It names no keys and no words: ACL LOG has them. */
  #tellOfDenial(client: Client, reason: DenialReason, nowMs: number): void {
    this.#denialsUntold++
    if (nowMs - this.#denialToldMs < DENIAL_TOLD_MS) return
    const details = {
      reason,
      user: client.identity.user.name,
      client: client.connection.transport.address,
      count: this.#denialsUntold,
    }
    this.#host.environment.log.warn(details, 'Access denied, see ACL LOG')
    this.#denialToldMs = nowMs
    this.#denialsUntold = 0
  }
}

/** Sets `requirepass`: the only password; empty = no password is needed. */
function setRequirepass(user: User, password: string, context: RuleContext): void {
  user.apply('resetpass', context)
  user.apply(password === '' ? 'nopass' : `>${password}`, context)
}

/** Copies the part of a client's text that ACL LOG keeps. */
function cut(text: Bytes): string {
  return text.source.u8.toString('latin1', text.start, text.start + Math.min(text.length, LOGGED_BYTES_MAX))
}

/** Tells if a user may be subscribed to all channels and patterns of a client. */
function mayListen(user: User, { subscriptions: { channels, patterns, shardChannels } }: Client): boolean {
  const mayAll = (names: Iterable<string>, isPattern: boolean): boolean =>
    [...names].every((name) =>
      user.selectors.some((selector) => selector.allowsChannelNamed(targetOf(name), isPattern)),
    )
  return mayAll(patterns, true) && mayAll(channels, false) && mayAll(shardChannels, false)
}
