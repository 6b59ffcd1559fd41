// An engine that stores its data on a given disk, without a server: for trials of durability, in
// which the disk loses power.

import { catalog } from '../../commands/catalog.ts'
import { type CommandParts, makeParts, type OwnParts } from '../../commands/parts.ts'
import { Engine } from '../../engine/engine.ts'
import type { EngineOptions } from '../../engine/engine-options.ts'
import type { Disk } from '../../persistence/disk/disk.ts'
import { openJournal } from '../../persistence/log/open-journal.ts'
import { BackgroundSaving } from '../../persistence/snapshot/background-saving.ts'

export class EngineOnDisk {
  readonly engine: Engine<CommandParts>
  readonly #parts: OwnParts
  readonly #disk: Disk

  constructor(options: Omit<EngineOptions, 'commands'>, disk: Disk) {
    const engine = new Engine({ ...options, commands: catalog }, makeParts)
    this.engine = engine
    this.#parts = engine.parts
    this.#disk = disk
  }

  /** Loads what the disk has, and stores each change from then on. */
  async open(): Promise<void> {
    const { engine } = this
    const aof = await openJournal(engine, this.#disk)
    this.#parts.saving = new BackgroundSaving(engine, { aof, disk: this.#disk })
  }
}
