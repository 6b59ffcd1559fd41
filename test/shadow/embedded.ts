// What a program that embeds a broker can do and a client cannot: checkpoints, rollbacks, branches.
//
// The model is beside it, because redis-server has none of these: a checkpoint is a copy of the model.

import { type Broker, openBroker } from '../../src/index.ts'
import { Comparison, type Subject } from './comparison.ts'
import { Link } from './link.ts'
import { ModelOracle } from './oracle.ts'
import { Traffic } from './traffic.ts'

const DATABASES = [0, 1]
const PREFIXES = ['a', 'b']

/** Connections to a broker in this process. */
class BrokerSubject implements Subject {
  readonly #broker: Broker
  readonly #links: Link[] = []

  constructor(broker: Broker) {
    this.#broker = broker
  }

  async link(lane: number): Promise<Link> {
    this.#links[lane] ??= new Link(this.#broker.connect())
    return this.#links[lane]
  }

  async readers(): Promise<Link[]> {
    return [await this.link(0)]
  }

  close(): void {
    for (const link of this.#links) link.close()
  }
}

export interface EmbeddedOptions {
  readonly seed: number
  readonly silenceMs: number
  readonly fillerBytes: number
  /** How many batches of commands come between two events. */
  readonly batches: number
  readonly units: number
  /** Tells that a kind of event has happened. */
  reached(kind: string): void
}

/** Judges one broker from its opening to its end; returns what was compared. Throws Difference. */
export async function judgeEmbedded({
  seed,
  silenceMs,
  fillerBytes,
  batches,
  units,
  reached,
}: EmbeddedOptions): Promise<Comparison[]> {
  const only = new ModelOracle().only
  const traffic = new Traffic(seed, { prefixes: PREFIXES, databases: DATABASES, only, fieldExpiries: true })
  const scope = { databases: DATABASES, lanes: PREFIXES.length, units, fieldExpiries: true }
  const broker = await openBroker()
  const subject = new BrokerSubject(broker)
  const comparison = new Comparison(subject, new ModelOracle(), traffic, scope)
  const silence = async (): Promise<void> => {
    await new Promise((resolve) => setTimeout(resolve, silenceMs))
  }
  try {
    await comparison.write(batches, fillerBytes)
    await silence()
    await comparison.check('a broker in this process, after a silence')

    const moment = await broker.checkpoint()
    reached('checkpoint')
    comparison.note('checkpoint')
    const kept = copyOf(comparison)
    await comparison.write(batches, fillerBytes)
    await silence()
    await comparison.check('after a checkpoint and a silence')

    const branch = await broker.branch()
    reached('branch')
    comparison.note('branch')
    const branchSubject = new BrokerSubject(branch)
    const other = comparison.fork(branchSubject, copyOf(comparison))
    try {
      await comparison.write(batches)
      await other.write(batches, fillerBytes)
      await silence()
      await comparison.check('beside a branch')
      await other.check('in a branch')

      await moment.rollback()
      reached('rollback')
      comparison.note('rollback')
      const back = comparison.fork(subject, kept)
      await back.check('after a rollback')
      await other.check('in a branch, after the rollback of the broker that it came from')
      // While a moment is kept no gap is closed.
      await moment.release()
      await back.write(batches, fillerBytes)
      await silence()
      await back.check('after a rollback, writes and a silence')
      await other.check('in a branch, after a silence')
      return [comparison, other, back]
    } finally {
      branchSubject.close()
      await branch.close()
    }
  } finally {
    subject.close()
    await broker.close()
  }
}

/** A model that stays as this one is. */
function copyOf({ oracle }: Comparison): ModelOracle {
  return new ModelOracle((oracle as ModelOracle).model.copy())
}
