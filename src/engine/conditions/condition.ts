// A condition of the server, which begins and ends: a bit of its state (state.ts).

export class Condition {
  readonly #state: { special: number }
  readonly #bit: number

  constructor(state: { special: number }, bit: number) {
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
