import { afterEach, describe, expect, test } from 'vitest'
import { runHealth } from '../../src/cli/health.ts'
import { freePort } from '../../src/util/free-ports.ts'
import { startTestServer } from '../support/server.ts'
import { certificateFile } from '../support/tls/certificates.ts'

const TLS = {
  cert: certificateFile('server.crt'),
  key: certificateFile('server.key'),
  ca: certificateFile('authority.crt'),
}

async function health(...args: string[]): Promise<{ code: number; printed: string }> {
  let printed = ''
  const print = (line: string): void => {
    printed += `${line}\n`
  }
  return { code: await runHealth(args, { print, confirm: async () => false }), printed }
}

describe('respite health', () => {
  afterEach(() => {
    delete process.env.RESPITE_HEALTH_PORT
  })

  test('ends with 0 when a server answers, also one with a password', async () => {
    const { port } = await startTestServer()
    expect(await health(String(port))).toEqual({ code: 0, printed: '' })
    process.env.RESPITE_HEALTH_PORT = String((await startTestServer({ password: 'secret' })).port)
    expect(await health()).toEqual({ code: 0, printed: '' })
  })

  test('ends with 0 where TLS alone is spoken, with and without certificates of clients', async () => {
    for (const clients of ['no', 'yes']) {
      const tlsPort = await freePort()
      await startTestServer({ port: false, tls: TLS, tlsPort, config: { 'tls-auth-clients': clients } })
      expect(await health(String(tlsPort)), clients).toEqual({ code: 0, printed: '' })
    }
  })

  test('ends with 1 when nothing answers, and says why', async () => {
    const { code, printed } = await health(String(await freePort()))
    expect(code).toBe(1)
    expect(printed).toMatch(/^the server at port \d+ does not answer; without TLS: .*ECONNREFUSED.*; with TLS: /)
  })

  test('explains its command line', async () => {
    expect(await health('--help')).toMatchObject({ code: 0, printed: expect.stringContaining('Usage: respite health') })
    expect((await health('here')).code).toBe(2)
    expect((await health('1', '2')).code).toBe(2)
  })
})
