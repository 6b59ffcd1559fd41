// docs/not-here.md: every request of its tables is refused with the error that the page shows.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { splitInline } from '../../src/protocol/inline-words.ts'
import { encode } from '../support/engine.ts'
import { RawConnection, startTestServer, temporaryDirectory } from '../support/server.ts'

const PAGE = readFileSync(join(import.meta.dirname, '../../docs/not-here.md'), 'utf8')

/** The requests and errors of the tables whose first column has this heading. */
function rowsOf(heading: string): { request: string; error: string }[] {
  const rows: { request: string; error: string }[] = []
  let isOwn = false
  for (const line of PAGE.split('\n')) {
    if (line.startsWith('| request')) isOwn = line.startsWith(`| ${heading} |`)
    const [, request, error] = /^\| `(.*?)` \| `(.*?)` \|/.exec(line) ?? []
    if (isOwn && request !== undefined && error !== undefined) rows.push({ request, error })
  }
  return rows
}

describe('docs/not-here.md', () => {
  test.each([
    ['request', {}, 19],
    ['request, to a node of a cluster', { 'cluster-enabled': 'yes' }, 5],
  ])('shows the errors of the server: %s', async (heading, config, count) => {
    const rows = rowsOf(heading)
    expect(rows).toHaveLength(count)
    const { port } = await startTestServer({ dir: temporaryDirectory(), appendonly: false, config })
    for (const { error, request } of rows) {
      const connection = await RawConnection.open(port)
      connection.send(encode(splitInline(request)!) + encode(['QUIT']))
      expect(await connection.rest(), request).toBe(`-${error}\r\n+OK\r\n`)
    }
  })

  test('says what clients of MQTT and of HTTP see', async () => {
    const { port } = await startTestServer()
    const mqtt = await RawConnection.open(port)
    mqtt.send('\x10\x0c\x00\x04MQTT\x04\x02\x00\x3c\x00\x00')
    const http = await RawConnection.open(port)
    http.send('GET / HTTP/1.1\r\nHost: broker.example\r\n\r\n')
    expect(await http.rest()).toBe('')
    expect([mqtt.received, mqtt.closed]).toEqual(['', false])
  })
})
