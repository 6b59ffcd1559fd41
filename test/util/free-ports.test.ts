import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { freePort, freePorts } from '../../src/util/free-ports.ts'

test('ports are different, and lie below those that the system gives to outgoing connections', async () => {
  const ports = await freePorts(300)
  expect(new Set(ports).size).toBe(300)
  const range = process.platform === 'linux' ? readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8') : '32768'
  const first = Number.parseInt(range, 10)
  expect(Math.max(...ports) + 10_000).toBeLessThan(first)
})

test('a port at which a server listens is not chosen', async () => {
  const port = await freePort()
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  // So many are chosen that the choice forgets the earlier ones, and comes to this port again.
  for (let i = 0; i < 24; i++) expect(await freePorts(300)).not.toContain(port)
})
