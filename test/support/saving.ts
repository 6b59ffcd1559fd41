// An engine that saves on a disk in memory, its slices run when a test says so.

import type { ConfigName } from '../../src/config/config.ts'
import type { Log } from '../../src/engine/log.ts'
import type { Disk } from '../../src/persistence/disk/disk.ts'
import { type OpenJournal, openJournal } from '../../src/persistence/log/open-journal.ts'
import { BackgroundSaving } from '../../src/persistence/snapshot/background-saving.ts'
import { loadSnapshot } from '../../src/persistence/snapshot/load-snapshot.ts'
import { secondEngine } from '../../src/server/boot/replay-engine.ts'
import { createEngine, type TestClient, type TestEngine, withoutJournal } from './engine.ts'
import { MemoryDisk, settled } from './memory-disk.ts'

export interface SavingEngine extends Omit<TestEngine, 'journal'> {
  disk: MemoryDisk
  saving: BackgroundSaving
  warnings: string[]
  /** Messages at every level, without their details. */
  messages: string[]
  /** Runs what was put off to later turns, once. */
  slice(): void
  /** Runs slices, and lets the disk do its work, until nothing is under way. */
  finish(): Promise<void>
  /** The persistence section of INFO. */
  info(): Record<string, string>
}

export interface SavingOptions {
  disk?: MemoryDisk
  /** Instead of one in memory. */
  realDisk?: Disk
  /** Where the clock stands at the start. */
  atMs?: number
  settings?: Partial<Record<ConfigName, string>>
  /** Milliseconds that pass at each look at the clock: a slice then ends at its first look. Default 0: a slice does everything. */
  tickMs?: number
}

/** Starts an engine on what a disk holds, as a server does. */
export async function startSaving(options: SavingOptions = {}): Promise<SavingEngine> {
  const { disk: memory = new MemoryDisk(), tickMs = 0 } = options
  const disk = options.realDisk ?? memory
  const test = createEngine({ dir: '/data', save: '', ...options.settings })
  const { engine, clock } = test
  // From the beginning on: the files may hold functions.
  if (options.atMs !== undefined) clock.advance(options.atMs - clock.now())
  const warnings: string[] = []
  const messages: string[] = []
  const note = (details: object, message: string): void => {
    messages.push(message)
    warnings.push(`${message} ${JSON.stringify(details)}`)
  }
  const info = (_details: object, message: string): void => {
    messages.push(message)
  }
  Object.assign(engine.environment, { log: { ...engine.environment.log, info, warn: note, error: note } satisfies Log })
  withoutJournal(test)
  let aof: OpenJournal | undefined
  if (engine.config.get('appendonly')) {
    aof = await openJournal(engine, disk)
  } else {
    await loadSnapshot(engine, disk)
  }
  let queue: (() => void)[] = []
  const slice = (): void => {
    const due = queue
    queue = []
    for (const run of due) run()
    engine.endTurn()
  }
  const saving = new BackgroundSaving(engine, {
    disk,
    later: (run) => queue.push(run),
    second: secondEngine,
    ...(aof === undefined ? {} : { aof }),
  })
  engine.parts.saving = saving
  let ticks = 0
  const monotonic = clock.monotonic.bind(clock)
  if (tickMs > 0) clock.monotonic = () => monotonic() + ++ticks * tickMs
  return {
    ...test,
    disk: memory,
    saving,
    warnings,
    messages,
    slice,
    async finish() {
      for (let i = 0; i < 10_000; i++) {
        await settled()
        if (queue.length === 0 && saving.busyWith === 'nothing' && !saving.isAuditing) break
        slice()
      }
      await settled()
      engine.endTurn()
    },
    info: () => parseInfo(test.connect()),
  }
}

function parseInfo(client: TestClient): Record<string, string> {
  const text = client.ask('INFO', 'persistence')
  client.disconnect()
  const fields = text.split('\r\n').map((line) => line.split(':') as [string, string])
  return Object.fromEntries(fields.filter(([, value]) => value !== undefined))
}
