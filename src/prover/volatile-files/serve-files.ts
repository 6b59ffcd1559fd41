// The process that holds volatile files. It mounts them, and answers the kernel until it is told to
// end or its parent is gone.
//
// It is a separate process because the kernel waits for it: a program that uses such files and also
// serves them would wait for itself.

import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import { Random } from '../../util/numbers/random.ts'
import { dateNow, setTimeout } from '../../util/time/real-time.ts'
import { FileServer } from './file-server.ts'
import { REQUEST_BYTES_MAX } from './fuse-wire.ts'

/** An order to this process; it answers with the number of the order when it is done. */
export type Order = { readonly number: number } & (
  | { readonly kind: 'cut'; readonly volumes: readonly string[]; readonly seed: number }
  | { readonly kind: 'slow'; readonly volume: string; readonly ms: number }
)

/** One file in this many keeps a part of its unsynced bytes. */
const TORN_ONE_IN = 4

/** Mounts at a directory, and serves until the end. Returns the exit code. */
export async function serveFiles(mountPoint: string): Promise<number> {
  const device = fs.openSync('/dev/fuse', 'r+')
  const server = new FileServer(
    (answer) => send(device, answer),
    (run, ms) => void setTimeout(run, ms),
  )
  const options = `fd=3,rootmode=40000,user_id=${process.getuid?.() ?? 0},group_id=${process.getgid?.() ?? 0},allow_other`
  const { status, stderr } = spawnSync('mount', ['-i', '-t', 'fuse', '-o', options, 'respite-prove', mountPoint], {
    stdio: ['ignore', 'ignore', 'pipe', device],
    encoding: 'utf8',
  })
  if (status !== 0) {
    process.stderr.write(`${stderr}`)
    return 1
  }
  process.on('message', (order: Order) => {
    if (order.kind === 'slow') server.slowMs.set(order.volume, order.ms)
    else {
      const random = new Random(order.seed)
      const kept = (bytes: number): number => (random.below(TORN_ONE_IN) === 0 ? random.below(bytes + 1) : 0)
      for (const volume of order.volumes) server.tree.cut(volume, kept, dateNow())
    }
    process.send?.(order.number)
  })
  // The parent is gone, and with it all users of the files.
  process.on('disconnect', () => {
    spawnSync('umount', ['-l', mountPoint])
    process.exit(0)
  })
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {})
  process.send?.('mounted')
  await serve(device, server)
  return 0
}

/** Reads requests until the files are unmounted. */
function serve(device: number, server: FileServer): Promise<void> {
  const buffer = Buffer.alloc(REQUEST_BYTES_MAX)
  return new Promise((resolve, reject) => {
    const read = (): void => {
      fs.read(device, buffer, 0, buffer.length, null, (error, length) => {
        // A request was withdrawn before it was read, or a signal came.
        if (error?.code === 'ENOENT' || error?.code === 'EINTR' || error?.code === 'EAGAIN') return read()
        if (error?.code === 'ENODEV') return resolve()
        if (error !== null) return reject(error)
        server.receive(buffer.subarray(0, length))
        read()
      })
    }
    read()
  })
}

function send(device: number, answer: Buffer): void {
  try {
    fs.writeSync(device, answer)
  } catch (error) {
    // The requester was killed meanwhile, or the files are unmounted.
    const { code = '' } = error as NodeJS.ErrnoException
    if (!['ENOENT', 'ENODEV', 'EINVAL'].includes(code)) throw error
  }
}
