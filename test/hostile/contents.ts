// Everything a server holds, asked from outside.

import { createHash } from 'node:crypto'
import { encode } from '../support/engine.ts'
import type { RawConnection } from '../support/server.ts'

/** Takes a bulk string, undefined for none. */
async function takeBulk(client: RawConnection): Promise<string | undefined> {
  const length = Number((await client.takeLine()).slice(1))
  return length < 0 ? undefined : (await client.take(length + 2)).slice(0, length)
}

/** Returns key → digest of what DUMP gives for it, in the order of keys. */
export async function contents(client: RawConnection): Promise<Record<string, string>> {
  client.send(encode(['KEYS', '*']))
  const head = await client.takeLine()
  if (!head.startsWith('*')) throw new Error(`no list of keys: ${head}`)
  const count = Number(head.slice(1))
  const keys: string[] = []
  for (let i = 0; i < count; i++) keys.push((await takeBulk(client))!)
  const found: Record<string, string> = {}
  for (const key of keys.sort()) {
    client.send(encode(['DUMP', key]))
    const payload = await takeBulk(client)
    found[key] = payload === undefined ? 'nothing' : createHash('sha1').update(payload, 'latin1').digest('hex')
  }
  return found
}
