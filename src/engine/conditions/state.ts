// The state of the server: conditions under which a command may not simply run. Each condition
// begins and ends.
//
// A condition belongs to the one room that begins and ends it; any room may ask if it holds.
// `special` gathers all of them in one number. So one look at it tells that a command may run.

export class Condition {
  readonly #state: ServerState
  readonly #bit: number

  constructor(state: ServerState, bit: number) {
    this.#state = state
    this.#bit = bit
  }

  get holds(): boolean {
    return (this.#state.special & this.#bit) !== 0
  }

  begin(): void {
    this.#state.special |= this.#bit
  }

  end(): void {
    this.#state.special &= ~this.#bit
  }

  /** Begins the condition, or ends it. */
  follow(holds: boolean): void {
    if (holds) this.begin()
    else this.end()
  }
}

const READ_ONLY = 1 << 8
const CLUSTERED = 1 << 14

export class ServerState {
  /** 0 while no condition holds. Only conditions write it. */
  special = 0
  /** Data is being loaded: loading.ts. */
  readonly loading = new Condition(this, 1 << 0)
  /** `maxmemory` sets a limit: eviction.ts. */
  readonly memoryLimited = new Condition(this, 1 << 1)
  /** The journal cannot be written: durability.ts. */
  readonly journalFailed = new Condition(this, 1 << 2)
  /** CLIENT PAUSE, a failover, a shutdown: pause.ts. */
  readonly paused = new Condition(this, 1 << 3)
  /** A slow script keeps all other clients waiting: scripting/scripts.ts. */
  readonly busy = new Condition(this, 1 << 4)
  /**
   * A snapshot may have large values to write, and a client that changes one waits:
   * persistence/snapshot/background-saving.ts.
   */
  readonly snapshot = new Condition(this, 1 << 5)
  /**
   * The last snapshot failed and the settings refuse writes then:
   * persistence/snapshot/background-saving.ts.
   */
  readonly saveFailed = new Condition(this, 1 << 6)
  /** More keys are tracked than `tracking-table-max-keys` allows: tracking.ts. */
  readonly tracksTooMuch = new Condition(this, 1 << 7)
  /** A test has asked for faults that concern commands: faults.ts. */
  readonly faulty = new Condition(this, 1 << 11)
  /** Some keys are frozen, and a client that changes one waits: frozen-keys.ts. */
  readonly keysHeld = new Condition(this, 1 << 13)
  /**
   * Fewer replicas are up to date than `min-replicas-to-write` asks for: replication/replicas.ts.
   */
  readonly tooFewReplicas = new Condition(this, 1 << 12)
  /**
   * The replicated log lacks a write that is older than `log-max-lag` allows:
   * effects/durability.ts.
   */
  readonly logBehind = new Condition(this, 1 << 15)
  /** This server follows a primary, and its clients may not write: role.ts. */
  readonly readOnly = new Condition(this, READ_ONLY)
  /**
   * The link to the primary is down, and the settings refuse reads of data that may be out of date:
   * role.ts.
   */
  readonly stale = new Condition(this, 1 << 9)
  /** Data is being loaded beside the data that clients read: loading.ts. */
  readonly loadingBeside = new Condition(this, 1 << 10)
  /** This server is a node of a cluster, so keys may belong to another node: redirection.ts. */
  readonly clustered = new Condition(this, CLUSTERED)

  /** No condition holds but `clustered`. */
  get isOnlyClustered(): boolean {
    return this.special === CLUSTERED
  }

  /** No condition holds but `readOnly`. */
  get isOnlyReadOnly(): boolean {
    return this.special === READ_ONLY
  }
}
