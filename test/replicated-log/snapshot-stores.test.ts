// Snapshots in a directory or a bucket are complete or absent.

import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { systemDisk } from '../../src/persistence/disk/disk.ts'
import type { SnapshotStore } from '../../src/replicated-log/snapshot-store.ts'
import { DirectoryStore } from '../../src/replicated-log/snapshots/directory-store.ts'
import type { S3Options } from '../../src/replicated-log/snapshots/s3-requests.ts'
import { S3Store } from '../../src/replicated-log/snapshots/s3-store.ts'
import { MemoryDisk } from '../support/memory-disk.ts'
import { S3_BUCKET, S3_CREDENTIALS, S3_REGION, type S3Server, startS3Server } from '../support/s3-server.ts'

async function* parts(...pieces: readonly (string | Buffer)[]): AsyncIterable<Uint8Array> {
  for (const piece of pieces) yield Buffer.from(piece as string)
}

/** The bytes of a snapshot that fails before its end. */
async function* failing(...pieces: readonly (string | Buffer)[]): AsyncIterable<Uint8Array> {
  yield* parts(...pieces)
  throw new Error('no more')
}

async function content(store: SnapshotStore, position: number): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for await (const piece of store.get(position)) pieces.push(piece)
  return Buffer.concat(pieces)
}

/** The contract of every store. */
function describeStore(name: string, open: () => Promise<SnapshotStore>): void {
  describe(name, () => {
    let store: SnapshotStore
    beforeEach(async () => {
      store = await open()
    })

    test('keeps snapshots, and lists them oldest first', async () => {
      expect(await store.list()).toEqual([])
      for (const position of [100, 9, 10]) await store.put(position, parts('at ', String(position)))
      expect(await store.list()).toEqual([
        { position: 9, bytes: 4 },
        { position: 10, bytes: 5 },
        { position: 100, bytes: 6 },
      ])
      expect((await content(store, 10)).toString()).toBe('at 10')
    })

    test('takes any bytes and any length', async () => {
      await store.put(1, parts())
      expect(await content(store, 1)).toHaveLength(0)
      const large = Buffer.alloc(3 * 1024 * 1024, Buffer.from(Array.from({ length: 251 }, (_, i) => i)))
      await store.put(2, parts(large.subarray(0, 5), large.subarray(5, 2_000_000), large.subarray(2_000_000)))
      expect((await content(store, 2)).equals(large)).toBe(true)
    })

    test('leaves an existing snapshot unchanged', async () => {
      await store.put(1, parts('first'))
      await store.put(1, parts('second'))
      expect((await content(store, 1)).toString()).toBe('first')
      const large = Buffer.alloc(2 * 1024 * 1024, 'x')
      await store.put(1, parts(large))
      expect((await content(store, 1)).toString()).toBe('first')
    })

    test('shows nothing of one that fails before its end', async () => {
      await expect(store.put(1, failing('some'))).rejects.toThrow('no more')
      await expect(store.put(2, failing(Buffer.alloc(3 * 1024 * 1024)))).rejects.toThrow('no more')
      expect(await store.list()).toEqual([])
      await store.put(1, parts('all of it'))
      expect((await content(store, 1)).toString()).toBe('all of it')
    })

    test('removes a snapshot, and does nothing when there is none', async () => {
      await store.put(1, parts('a'))
      await store.remove(1)
      await store.remove(1)
      expect(await store.list()).toEqual([])
      await expect(content(store, 1)).rejects.toThrow()
    })
  })
}

describe('a directory', () => {
  let directory: string
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'respite-snapshots-'))
  })
  afterEach(() => rmSync(directory, { recursive: true, force: true }))

  describeStore('as a store of snapshots', async () => new DirectoryStore(systemDisk, join(directory, 'shared')))

  test('may hold other files, and unfinished ones, which a later snapshot removes', async () => {
    const store = new DirectoryStore(systemDisk, directory)
    writeFileSync(join(directory, 'notes.txt'), 'mine')
    writeFileSync(join(directory, 'temp-0123456789abcdef-snapshot-0000000000000003.rdb'), 'half')
    writeFileSync(join(directory, 'temp-0123456789abcdef-snapshot-0000000000000005.rdb'), 'half')
    await store.put(4, parts('whole'))
    expect(await store.list()).toEqual([{ position: 4, bytes: 5 }])
    expect(readdirSync(directory).sort()).toEqual([
      'notes.txt',
      'snapshot-0000000000000004.rdb',
      'temp-0123456789abcdef-snapshot-0000000000000005.rdb',
    ])
  })
})

test('a snapshot in a directory is complete or absent after a power cut at any moment', async () => {
  const count = await operationsOfOnePut()
  for (let cut = 1; cut <= count; cut++) {
    const disk = new MemoryDisk()
    disk.failAt(cut, 'EIO', Number.POSITIVE_INFINITY)
    const isKept = await new DirectoryStore(disk, '/shared').put(7, parts('some ', 'bytes')).then(
      () => true,
      () => false,
    )
    for (const after of [disk.powerCut(), disk.powerCut(3), disk.copy()]) {
      const store = new DirectoryStore(after, '/shared')
      const listed = await store.list()
      if (isKept) expect(listed).toHaveLength(1)
      for (const { position } of listed) expect((await content(store, position)).toString()).toBe('some bytes')
    }
  }

  async function operationsOfOnePut(): Promise<number> {
    const disk = new MemoryDisk()
    await new DirectoryStore(disk, '/shared').put(7, parts('some ', 'bytes'))
    return disk.operations
  }
})

describe('a bucket', () => {
  let server: S3Server
  /** Small enough for a test with several parts. */
  const PART_BYTES = 1024 * 1024

  const options = (more: Partial<S3Options> = {}): S3Options => ({
    endpoint: server.endpoint,
    region: S3_REGION,
    bucket: S3_BUCKET,
    prefix: 'cluster a/',
    ...S3_CREDENTIALS,
    ...more,
  })

  beforeAll(async () => {
    server = await startS3Server()
  })
  afterAll(() => server.stop())
  beforeEach(() => {
    server.objects.clear()
    server.requests.length = 0
    server.fault = () => undefined
  })

  describeStore('as a store of snapshots', () => S3Store.open(options(), PART_BYTES))

  test('has the snapshots of several clusters, and other things', async () => {
    const other = await S3Store.open(options({ prefix: '' }))
    const store = await S3Store.open(options())
    await other.put(1, parts('other'))
    await store.put(2, parts('own'))
    server.objects.set('cluster a/snapshot-notes.txt', Buffer.from('x'))
    expect(await store.list()).toEqual([{ position: 2, bytes: 3 }])
    expect(await other.list()).toEqual([{ position: 1, bytes: 5 }])
  })

  test('keeps no parts of an unfinished snapshot, or of one that existed already', async () => {
    const store = await S3Store.open(options(), PART_BYTES)
    await expect(store.put(1, failing(Buffer.alloc(3 * PART_BYTES)))).rejects.toThrow('no more')
    await store.put(2, parts('there'))
    await store.put(2, parts(Buffer.alloc(3 * PART_BYTES)))
    expect(server.uploads.size).toBe(0)
    expect([...server.objects.keys()]).toEqual(['cluster a/snapshot-0000000000000002.rdb'])
  })

  test('that is busy, or whose answers are lost, gets the request again', async () => {
    const store = await S3Store.open(options())
    const faults: (number | 'cut')[] = [503, 429]
    server.fault = () => faults.shift()
    await store.put(1, parts('a'))
    expect(server.requests).toHaveLength(3)
    expect((await content(store, 1)).toString()).toBe('a')
  })

  test('that has completed an upload, and whose answer was lost, has the snapshot', async () => {
    const store = await S3Store.open(options(), PART_BYTES)
    server.fault = (request) => {
      const isSecond = request.startsWith('POST') && server.requests.filter((said) => said === request).length === 2
      return isSecond ? 'cut' : undefined
    }
    await store.put(1, parts(Buffer.alloc(2 * PART_BYTES)))
    expect(await store.list()).toEqual([{ position: 1, bytes: 2 * PART_BYTES }])
  })

  test('that refuses says why', async () => {
    const store = await S3Store.open(options({ secretAccessKey: 'wrong' }))
    await expect(store.put(1, parts('a'))).rejects.toThrow('SignatureDoesNotMatch')
    await expect(store.list()).rejects.toThrow('SignatureDoesNotMatch')
    expect(server.requests).toHaveLength(2)
  })

  test('that ends a snapshot early makes reading it fail', async () => {
    const store = await S3Store.open(options())
    await store.put(1, parts('a snapshot'))
    server.fault = () => 'cut'
    await expect(content(store, 1)).rejects.toThrow()
  })
})
