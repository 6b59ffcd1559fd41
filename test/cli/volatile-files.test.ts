// Files whose power can be cut: synced data is there afterwards, and other data is lost.

import {
  closeSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { VolatileFiles } from '../../src/prover/volatile-files/volatile-files.ts'
import { type Directory, File, VolatileTree } from '../../src/prover/volatile-files/volatile-tree.ts'
import { program } from '../support/build.ts'
import { temporaryDirectory } from '../support/server.ts'

const NOTHING_KEPT = (): number => 0

function volumeOf(tree: VolatileTree, name = 'disk'): Directory {
  return tree.root.entries.get(name) as Directory
}

function textOf(tree: VolatileTree, name: string): string | undefined {
  const file = volumeOf(tree).entries.get(name)
  return file instanceof File ? file.read(0, file.size).toString() : undefined
}

function treeWithVolume(): { tree: VolatileTree; create(name: string, text: string): File } {
  const tree = new VolatileTree(0)
  tree.createDirectory(tree.root, 'disk', 0o755, 0)
  return {
    tree,
    create(name, text) {
      const file = tree.createFile(volumeOf(tree), name, 0o644, 0)
      file.write(0, Buffer.from(text))
      return file
    },
  }
}

describe('after a power cut', () => {
  test('a file that was never synced is gone, and so is its name', () => {
    const { create, tree } = treeWithVolume()
    create('a', 'one')
    tree.cut('disk', NOTHING_KEPT, 0)
    expect([...volumeOf(tree).entries.keys()]).toEqual([])
  })

  test('a synced file has its data of the sync, and all names of that moment are there', () => {
    const { create, tree } = treeWithVolume()
    const a = create('a', 'one')
    create('b', 'never synced')
    tree.sync(a)
    a.write(3, Buffer.from(' two'))
    tree.rename(volumeOf(tree), 'a', volumeOf(tree), 'c', 0)
    tree.cut('disk', NOTHING_KEPT, 0)
    expect(textOf(tree, 'a')).toBe('one')
    expect(textOf(tree, 'b')).toBe('')
    expect(textOf(tree, 'c')).toBeUndefined()
  })

  test('a part of an unsynced end may be there', () => {
    const { create, tree } = treeWithVolume()
    const a = create('a', 'one')
    tree.sync(a)
    a.write(3, Buffer.from(' two'))
    tree.cut('disk', (bytes) => bytes - 1, 0)
    expect(textOf(tree, 'a')).toBe('one tw')
  })

  test('a truncated file stays short once anything on the disk was synced', () => {
    const { create, tree } = treeWithVolume()
    const [a, b] = [create('a', 'one two'), create('b', '')]
    tree.sync(a)
    tree.resize(a, 3)
    a.write(3, Buffer.from(' three'))
    tree.sync(b)
    tree.cut('disk', NOTHING_KEPT, 0)
    expect(textOf(tree, 'a')).toBe('one')
  })

  test('other disks are unchanged', () => {
    const { create, tree } = treeWithVolume()
    tree.createDirectory(tree.root, 'other', 0o755, 0)
    create('a', 'one')
    tree.cut('other', NOTHING_KEPT, 0)
    expect(textOf(tree, 'a')).toBe('one')
  })
})

test('the system stores files there as on any disk', async ({ skip }) => {
  const path = join(temporaryDirectory(), 'disks')
  const files = await VolatileFiles.mount(path, [process.execPath, program(), 'prove-durability']).catch(
    (error: Error) => error.message,
  )
  if (typeof files === 'string') return skip(`no volatile files here: ${files}`)
  onTestFinished(() => files.unmount())
  const disk = files.addVolume('disk')
  mkdirSync(join(disk, 'folder'))
  const file = openSync(join(disk, 'folder/file'), 'w')
  const large = Buffer.alloc(300_000, 'x')
  writeSync(file, large)
  fsyncSync(file)
  writeSync(file, 'unsynced')
  ftruncateSync(file, 300_004)
  closeSync(file)
  writeFileSync(join(disk, 'other'), 'unsynced')
  renameSync(join(disk, 'other'), join(disk, 'renamed'))
  expect(readdirSync(disk).sort()).toEqual(['folder', 'renamed'])
  expect(statSync(join(disk, 'folder/file')).size).toBe(300_004)
  expect(() => readFileSync(join(disk, 'other'))).toThrow('ENOENT')
  await files.cut(['disk'], 1)
  expect(readdirSync(disk)).toEqual(['folder'])
  expect(readFileSync(join(disk, 'folder/file')).subarray(0, large.length).equals(large)).toBe(true)
})
