import { execFile } from 'node:child_process'
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import type { Log } from '../../src/engine/log.ts'
import { silentLog } from '../../src/engine/log.ts'
import {
  DirectoryInUseError,
  DirectoryLock,
  type DirectoryLockOptions,
} from '../../src/persistence/disk/directory-lock.ts'
import { type Disk, systemDisk } from '../../src/persistence/disk/disk.ts'
import { lifeOf, ownIdentity, type ProcessIdentity } from '../../src/persistence/disk/process-identity.ts'
import { PersistenceError } from '../../src/persistence/errors.ts'
import { VolatileDisk } from '../../src/prover/durability/volatile-disk.ts'
import { Random } from '../../src/util/numbers/random.ts'
import { FakeClock } from '../support/fake-clock.ts'
import { MemoryDisk, settled } from '../support/memory-disk.ts'
import { temporaryDirectory } from '../support/server.ts'

const LOCK = '/data/respite.lock'
const ME = ownIdentity()
/** A process of this machine that has ended: its number is ours by now. */
const DEAD: ProcessIdentity = { ...ME, started: `${ME.started}0` }
const ELSEWHERE: ProcessIdentity = { ...ME, host: 'elsewhere', machine: 'other', boot: 'other' }
const IN_ANOTHER_CONTAINER: ProcessIdentity = { ...ME, host: 'c0ffee', namespace: 'pid:[1]' }

interface Taking extends Partial<DirectoryLockOptions> {
  disk: Disk
}

function take(options: Taking): Promise<DirectoryLock> {
  return DirectoryLock.take({
    clock: new FakeClock(),
    log: silentLog,
    directory: '/data',
    lost: () => {},
    wait: async () => {},
    ...options,
  })
}

/** A log that keeps what it was told. */
function noted(): { log: Log; messages: string[] } {
  const messages: string[] = []
  const note = (_details: object, message: string): void => void messages.push(message)
  return { log: { ...silentLog, info: note, warn: note, error: note }, messages }
}

/** A disk on which an owner left its lock behind. */
async function leftBy(identity: ProcessIdentity): Promise<MemoryDisk> {
  const disk = new MemoryDisk()
  await take({ disk, identity })
  return disk
}

describe('a process', () => {
  const other = (change: Partial<ProcessIdentity>): ProcessIdentity => ({ ...ME, ...change })

  test.skipIf(ME.boot === '').each([
    ['itself', other({}), 'alive'],
    ['of the same number that began at another time', DEAD, 'dead'],
    ['of a number that is not taken', other({ pid: 2 ** 22 + 1 }), 'dead'],
    ['of another container', IN_ANOTHER_CONTAINER, 'unknown'],
    ['whose namespace the system did not tell', other({ namespace: '' }), 'unknown'],
    ['of another host', ELSEWHERE, 'unknown'],
    [
      'of this machine before it started anew',
      other({ boot: 'before', machine: ME.machine }),
      ME.machine === '' ? 'unknown' : 'dead',
    ],
    ['of a machine that only bears the same name', other({ boot: 'before', machine: 'other' }), 'unknown'],
  ])('%s', (_what, identity, life) => {
    expect(lifeOf(identity, ME)).toBe(life)
  })

  test('without /proc is dead when its number is free, and unknown when it is taken', () => {
    const bare: ProcessIdentity = { ...ME, boot: '', namespace: '', started: '' }
    expect(lifeOf({ ...bare, pid: 2 ** 22 + 1 }, bare)).toBe('dead')
    expect(lifeOf(bare, bare)).toBe('unknown')
    expect(lifeOf({ ...bare, pid: 2 ** 22 + 1, host: 'elsewhere' }, bare)).toBe('unknown')
  })
})

describe('a directory', () => {
  test('has one owner, also within one process, until it is given back', async () => {
    const disk = new MemoryDisk()
    const first = await take({ disk })
    const refused = take({ disk })
    await expect(refused).rejects.toThrow(PersistenceError)
    await expect(refused).rejects.toThrow(
      new RegExp(
        `^/data: the directory is in use by process ${process.pid} on ${ME.host} since 20.*\\. Stop that process`,
      ),
    )
    await first.release()
    expect(disk.files).toEqual([])
    await (await take({ disk })).release()
  })

  test('of a dead owner is taken over at once, and that is logged', async () => {
    const disk = await leftBy(DEAD)
    const { log, messages } = noted()
    const wait = () => Promise.reject(new Error('nothing to wait for'))
    const lock = await take({ disk, log, wait })
    expect(messages).toEqual(['the lock of a process that is no more was taken over'])
    expect(disk.files).toEqual([LOCK])
    expect(disk.get(LOCK).toString()).toContain(lock.token)
  })

  test.each([
    ['another container', IN_ANOTHER_CONTAINER],
    ['another host', ELSEWHERE],
  ])('of an owner in %s is taken over when it has not counted on for ten seconds', async (_where, identity) => {
    const disk = await leftBy(identity)
    let waitedMs = 0
    const wait = async (ms: number): Promise<void> => {
      waitedMs += ms
    }
    await take({ disk, wait })
    expect(waitedMs).toBe(10_000)
  })

  test.each([
    ['another container', IN_ANOTHER_CONTAINER],
    ['another host', ELSEWHERE],
  ])('of an owner in %s that counts on stays its own', async (_where, identity) => {
    const disk = new MemoryDisk()
    const clock = new FakeClock()
    await take({ disk, identity, clock })
    let waitedMs = 0
    const wait = async (ms: number): Promise<void> => {
      waitedMs += ms
      clock.advance(ms)
      await settled()
    }
    await expect(take({ disk, wait })).rejects.toThrow(DirectoryInUseError)
    expect(waitedMs).toBeLessThanOrEqual(2500)
  })

  test.each(['', '{"pid":1', 'null\n', '[]\n', '{}\n'])(
    'whose lock says %j is taken when no process completes it',
    async (text) => {
      const disk = new MemoryDisk()
      disk.put(LOCK, text)
      await (await take({ disk })).release()
      expect(disk.files).toEqual([])
    },
  )

  test('is taken over from a process that died taking it over', async () => {
    const disk = await leftBy(DEAD)
    const { token } = JSON.parse(disk.get(LOCK).toString()) as { token: string }
    const other = await leftBy({ ...DEAD, pid: 1 })
    disk.put(`${LOCK}.after-${token}`, other.get(LOCK))
    const lock = await take({ disk })
    expect(disk.get(LOCK).toString()).toContain(lock.token)
    expect(disk.files).toEqual([LOCK])
  })

  test('on a full disk is used without a lock, which is made as soon as there is room', async () => {
    const disk = new MemoryDisk()
    const clock = new FakeClock()
    const { log, messages } = noted()
    disk.capacityBytes = 0
    const lock = await take({ disk, clock, log })
    expect(messages).toEqual(['no lock can be written: another process that uses the directory would not be noticed'])
    expect(disk.files).toEqual([])
    disk.heal()
    clock.advance(2000)
    await settled()
    expect(disk.get(LOCK).toString()).toContain(lock.token)
    await lock.release()
    expect(disk.files).toEqual([])
  })

  test.each(['no owner', 'a dead owner'])(
    'that is given back while its first lock is written, with %s before, has no lock afterwards',
    async (before) => {
      const disk = before === 'no owner' ? new MemoryDisk() : await leftBy(DEAD)
      const clock = new FakeClock()
      disk.capacityBytes = 0
      const lock = await take({ disk, clock })
      disk.heal()
      disk.held = true
      clock.advance(2000)
      await settled()
      expect(disk.waiting).toBe(1)
      const released = lock.release()
      disk.held = false
      await disk.release()
      await released
      expect(disk.files).toEqual([])
      // No beat makes the lock again.
      clock.advance(4000)
      await settled()
      expect(disk.files).toEqual([])
    },
  )

  test('with any one call of the disk failing is owned, or not taken at all', async () => {
    for (const prepared of [new MemoryDisk(), await leftBy(DEAD)]) {
      for (let n = 1; ; n++) {
        const disk = prepared.copy()
        let calls = 0
        disk.fault = () => (++calls === n ? 'EIO' : undefined)
        const lock = await take({ disk, identity: DEAD }).catch((error) => error as NodeJS.ErrnoException)
        disk.heal()
        if (lock instanceof DirectoryLock) expect(disk.get(LOCK).toString()).toContain(lock.token)
        else expect(lock.code).toBe('EIO')
        // Whatever was left behind, the next one gets through.
        await (await take({ disk })).release()
        if (calls < n) break
      }
    }
  })

  test('whose lock was removed gets it back; one that another process took is lost, once', async () => {
    const disk = new MemoryDisk()
    const clock = new FakeClock()
    let lost = 0
    const lock = await take({ disk, clock, lost: () => lost++ })
    await disk.remove(LOCK)
    clock.advance(2000)
    await settled()
    expect(disk.get(LOCK).toString()).toContain(lock.token)
    const other = (await leftBy(ELSEWHERE)).get(LOCK)
    disk.put(LOCK, other)
    for (let i = 0; i < 3; i++) {
      clock.advance(2000)
      await settled()
    }
    expect(lost).toBe(1)
    await lock.release()
    expect(disk.get(LOCK)).toEqual(other)
  })
})

describe('of several who find a dead owner exactly one takes over', () => {
  test('whatever the order of their steps', async () => {
    for (let seed = 1; seed <= 60; seed++) {
      const disk = new VolatileDisk(new Random(seed))
      await take({ disk, identity: DEAD })
      const outcomes = await Promise.allSettled(Array.from({ length: 6 }, () => take({ disk })))
      const owners = outcomes.filter(({ status }) => status === 'fulfilled')
      expect(owners, `seed ${seed}`).toHaveLength(1)
      for (const outcome of outcomes)
        if (outcome.status === 'rejected') expect(outcome.reason).toBeInstanceOf(DirectoryInUseError)
    }
  })

  test('as processes of their own', { timeout: 60_000 }, async () => {
    const rounds = 25
    const directory = temporaryDirectory()
    for (let i = 0; i < rounds; i++) {
      mkdirSync(join(directory, `${i}`))
      const left = (await leftBy({ ...DEAD, pid: process.pid })).get(LOCK)
      writeFileSync(join(directory, `${i}`, 'respite.lock'), left)
    }
    const module = (name: string): string => JSON.stringify(join(import.meta.dirname, '../../src', name))
    const script = `
      const { DirectoryLock } = await import(${module('persistence/disk/directory-lock.ts')})
      const { systemDisk } = await import(${module('persistence/disk/disk.ts')})
      const { systemClock } = await import(${module('util/time/clock.ts')})
      const { silentLog } = await import(${module('engine/log.ts')})
      const won = []
      process.stdin.once('data', async () => {
        for (let i = 0; i < ${rounds}; i++) {
          const directory = ${JSON.stringify(directory)} + '/' + i
          const options = { disk: systemDisk, clock: systemClock, log: silentLog, lost: () => {}, directory }
          await DirectoryLock.take(options).then(() => won.push(i), (error) => {
            if (error.name !== 'DirectoryInUseError') throw error
          })
        }
        console.log('won ' + JSON.stringify(won))
        // The others may still ask.
        process.stdin.once('data', () => process.exit())
      })
      console.log('ready')`
    const contenders = Array.from({ length: 8 }, () => {
      const running = promisify(execFile)(process.execPath, [
        '--import',
        'tsx',
        '--input-type=module',
        '--eval',
        script,
      ])
      let output = ''
      const said = (what: string): Promise<string> =>
        new Promise((resolve) => {
          const look = (): void => {
            if (output.includes(what)) resolve(output)
          }
          running.child.stdout!.on('data', (chunk) => {
            output += chunk
            look()
          })
          look()
        })
      return { running, ready: said('ready'), won: said('won'), input: running.child.stdin! }
    })
    await Promise.all(contenders.map(({ ready }) => ready))
    for (const { input } of contenders) input.write('go\n')
    const outputs = await Promise.all(contenders.map(({ won }) => won))
    for (const { input } of contenders) input.write('end\n')
    await Promise.all(contenders.map(({ running }) => running))
    const won = outputs.flatMap((output) => JSON.parse(/won (.*)/.exec(output)![1]!) as number[])
    expect(won.sort((a, b) => a - b)).toEqual(Array.from({ length: rounds }, (_, i) => i))
    // Given back as the processes ended.
    for (let i = 0; i < rounds; i++) expect(readdirSync(join(directory, `${i}`))).toEqual([])
  })
})

test('the system disk makes a file of a name once, and says so the second time', async () => {
  const file = join(temporaryDirectory(), 'a')
  await (await systemDisk.open(file, 'new')).close()
  await expect(systemDisk.open(file, 'new')).rejects.toMatchObject({ code: 'EEXIST' })
  systemDisk.removeSync(file)
  expect(await systemDisk.exists(file)).toBe(false)
})
