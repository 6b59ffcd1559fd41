// The file in which a node keeps its map. It is written whole each time: beside the old one,
// synced, then renamed over it.

import fs from 'node:fs'
import path from 'node:path'
import { SYNCS_DIRECTORIES } from '../persistence/disk/disk.ts'
import type { MapFile } from './standalone-cluster.ts'

export class ClusterFile implements MapFile {
  readonly path: string

  constructor(file: string) {
    this.path = file
  }

  read(): string | undefined {
    try {
      return fs.readFileSync(this.path, 'latin1')
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    }
  }

  write(text: string): void {
    const directory = path.dirname(this.path)
    fs.mkdirSync(directory, { recursive: true })
    const temporary = `${this.path}.tmp-${process.pid}`
    withOpen(temporary, 'w', (file) => {
      fs.writeFileSync(file, text, 'latin1')
      fs.fsyncSync(file)
    })
    fs.renameSync(temporary, this.path)
    if (SYNCS_DIRECTORIES) withOpen(directory, 'r', (handle) => fs.fsyncSync(handle))
  }
}

function withOpen(name: string, flags: string, use: (file: number) => void): void {
  const file = fs.openSync(name, flags)
  try {
    use(file)
  } finally {
    fs.closeSync(file)
  }
}
