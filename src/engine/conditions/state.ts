// The state of the server: reasons why a command may not simply run, each of which begins and ends.
//
// A condition belongs to the one room that begins and ends it; everybody may ask
// whether it holds. `special` gathers all of them in one number, so that a command
// is told with a single look that nothing is out of the ordinary.

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

  /** Begins or ends it. */
  follow(holds: boolean): void {
    if (holds) this.begin()
    else this.end()
  }
}

const READ_ONLY = 1 << 8
const CLUSTERED = 1 << 14

export class ServerState {
  /** 0 while none of the conditions holds; written by them alone. */
  special = 0
  /** Data is being loaded: loading.ts. */
  readonly loading = new Condition(this, 1 << 0)
  /** There is a limit of memory: eviction.ts. */
  readonly memoryLimited = new Condition(this, 1 << 1)
  /** The journal cannot be written: durability.ts. */
  readonly journalFailed = new Condition(this, 1 << 2)
  /** CLIENT PAUSE, a failover, a shutdown: pause.ts. */
  readonly paused = new Condition(this, 1 << 3)
  /** A script holds everybody up: scripting/scripts.ts. */
  readonly busy = new Condition(this, 1 << 4)
  /** A snapshot may have large values to write, and whoever changes one waits: persistence/snapshot/background-saving.ts. */
  readonly snapshot = new Condition(this, 1 << 5)
  /** The last snapshot failed and the settings refuse writes then: persistence/snapshot/background-saving.ts. */
  readonly saveFailed = new Condition(this, 1 << 6)
  /** More keys are tracked than `tracking-table-max-keys` allows: tracking.ts. */
  readonly tracksTooMuch = new Condition(this, 1 << 7)
  /** A test has asked for faults that meet commands: faults.ts. */
  readonly faulty = new Condition(this, 1 << 11)
  /** Keys are to stay as they are, and whoever changes one waits: frozen-keys.ts. */
  readonly keysHeld = new Condition(this, 1 << 13)
  /** Fewer replicas are near enough than `min-replicas-to-write` asks for: replication/replicas.ts. */
  readonly tooFewReplicas = new Condition(this, 1 << 12)
  /** A primary is followed, and nobody else may write: role.ts. */
  readonly readOnly = new Condition(this, READ_ONLY)
  /** A primary is followed that cannot be heard, and the settings refuse what may be out of date: role.ts. */
  readonly stale = new Condition(this, 1 << 9)
  /** Data is loaded beside that which is served meanwhile: loading.ts. */
  readonly loadingBeside = new Condition(this, 1 << 10)
  /** Keys may be another node's: redirection.ts. */
  readonly clustered = new Condition(this, CLUSTERED)

  /** Nothing is special but that keys may be another node's. */
  get isOnlyClustered(): boolean {
    return this.special === CLUSTERED
  }

  /** Nothing is special but that only the primary may write. */
  get isOnlyReadOnly(): boolean {
    return this.special === READ_ONLY
  }
}
