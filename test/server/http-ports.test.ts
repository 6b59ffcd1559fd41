import https from 'node:https'
import type { TLSSocket } from 'node:tls'
import { expect, onTestFinished, test } from 'vitest'
import { freePort } from '../../src/util/free-ports.ts'
import { startTestServer, temporaryDirectory } from '../support/server.ts'
import { certificateFile } from '../support/tls/certificates.ts'

test('HTTP is closed until a port is set, opens and closes by CONFIG SET, and ends with the server', async () => {
  const server = await startTestServer()
  const port = await freePort()
  const ping = async (at: number): Promise<string> => (await fetch(`http://127.0.0.1:${at}/ping`)).text()
  await expect(ping(port)).rejects.toThrow()
  await server.call('CONFIG', 'SET', 'http-port', port)
  expect(await ping(port)).toBe('{"result":"PONG"}')
  const another = await freePort()
  await server.call('CONFIG', 'SET', 'http-port', another)
  expect(await ping(another)).toBe('{"result":"PONG"}')
  const stream = await fetch(`http://127.0.0.1:${another}/v1/subscribe?channel=a`)
  const ended = stream.text()
  await server.close()
  await ended.catch(() => {})
  await expect(ping(another)).rejects.toThrow()
})

test('CONFIG SET of a port that is taken is refused, and HTTP stays where it was', async () => {
  const port = await freePort()
  const server = await startTestServer({ config: { 'http-port': port } })
  await expect(server.call('CONFIG', 'SET', 'http-port', server.port)).rejects.toThrow('Unable to listen')
  expect(await server.call('CONFIG', 'GET', 'http-port')).toEqual(new Map([['http-port', String(port)]]))
  expect((await fetch(`http://127.0.0.1:${port}/ping`)).status).toBe(200)
})

test('http-tls-port serves HTTPS with the certificates of the server, and renewed ones', async () => {
  const port = await freePort()
  const server = await startTestServer({
    config: {
      'http-tls-port': port,
      'tls-cert-file': certificateFile('server.crt'),
      'tls-key-file': certificateFile('server.key'),
      'tls-auth-clients': 'no',
    },
  })
  const ask = (): Promise<{ body: string; serial: string }> =>
    new Promise((resolve, reject) => {
      const request = https.get(
        { host: '127.0.0.1', port, path: '/ping', agent: false, rejectUnauthorized: false },
        (response) => {
          const serial = (response.socket as TLSSocket).getPeerCertificate().serialNumber
          let body = ''
          response.on('data', (chunk) => {
            body += String(chunk)
          })
          response.on('end', () => resolve({ body, serial }))
        },
      )
      request.on('error', reject)
      onTestFinished(() => void request.destroy())
    })
  const before = await ask()
  expect(before.body).toBe('{"result":"PONG"}')
  await server.call(
    ...(['CONFIG', 'SET', 'tls-cert-file', certificateFile('renewed.crt')] as const),
    ...['tls-key-file', certificateFile('renewed.key')],
  )
  const after = await ask()
  expect(after.body).toBe('{"result":"PONG"}')
  expect(after.serial).not.toBe(before.serial)
})

test('a stream goes on behind its last message after the server was started anew', async () => {
  const port = await freePort()
  const options = { dir: temporaryDirectory(), config: { 'http-port': port, channel: 'kept.* keep 1h' } }
  const url = `http://127.0.0.1:${port}/v1/subscribe?wait=20s&channel=kept.a&channel=kept.b`
  const poll = async (from: string): Promise<{ messages: { message: string }[]; next: string }> =>
    (await fetch(`${url}&from=${from}`)).json() as never
  const before = await startTestServer(options)
  for (const [channel, text] of [
    ['kept.a', 'one'],
    ['kept.b', 'two'],
  ] as const)
    await before.publish(channel, text)
  const first = await poll('first')
  await before.publish('kept.a', 'three')
  await before.close()
  const after = await startTestServer(options)
  await after.publish('kept.b', 'four')
  const second = await poll(first.next)
  expect([...first.messages, ...second.messages].map(({ message }) => message)).toEqual(['one', 'two', 'three', 'four'])
})
