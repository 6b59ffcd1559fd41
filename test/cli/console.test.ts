import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { describe, expect, onTestFinished, test } from 'vitest'
import { runConsole } from '../../src/cli/console.ts'
import { withConsole } from '../../src/cli/console-option.ts'
import { TOOLS } from '../../src/cli/options/tools.ts'
import { openBroker, startConsole, startServer } from '../../src/index.ts'
import { processTerminal } from '../../src/prover/terminal.ts'
import { program } from '../support/build.ts'
import { certificate, certificateFile } from '../support/tls/certificates.ts'

/** Signs in by a link as the page does. */
async function follow(link: string): Promise<{ url: string; status: number; cookie: string }> {
  const { hash, origin } = new URL(link)
  const headers = { Origin: origin, 'X-Respite-Console': '1' }
  const body = JSON.stringify({ link: hash.replace('#link=', '') })
  const answer = await fetch(`${origin}/v1/session`, { method: 'POST', headers, body })
  return { url: origin, status: answer.status, cookie: (answer.headers.getSetCookie()[0] ?? '').split(';')[0]! }
}

/** Starts the program until the test ends, and returns the link that it prints. */
async function startProgram(args: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<string> {
  const child = spawn(process.execPath, [program(), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ...environment },
  })
  const exited = new Promise((resolve) => child.once('close', resolve))
  onTestFinished(async () => {
    child.kill()
    await exited
  })
  return new Promise((resolve, reject) => {
    let output = ''
    child.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString()
      const [found] = /http:\/\/127\.0\.0\.1:\d+\/console\/#link=[\w-]+/.exec(output) ?? []
      if (found !== undefined) resolve(found)
    })
    void exited.then(() => reject(new Error(`the program ended: ${output}`)))
  })
}

describe('respite console --connect', () => {
  const page = readFileSync(join(import.meta.dirname, '../../docs/console.md'), 'utf8')
  const commands = [...page.matchAll(/^\$ npx respite (console --connect .*)$/gm)].map(([, line = '']) => line)

  test('the commands of the docs open the console of a server, without TLS and with it', async () => {
    const tls = {
      cert: certificate('server.crt'),
      key: certificate('server.key'),
      ca: certificate('authority.crt'),
    }
    const server = await startServer({ port: 0, tlsPort: 0, tls })
    onTestFinished(() => server.close())
    const redis = new Redis(server.port)
    onTestFinished(() => redis.disconnect())
    for (const user of ['user', 'ana']) await redis.call('ACL', 'SETUSER', user, 'on', '>password', '~*', '&*', '+@all')
    const replaced = [
      ['host:6379', `127.0.0.1:${server.port}`],
      ['redis.example:6380', `localhost:${server.tlsPort}`],
      ['authority.crt', certificateFile('authority.crt')],
      ['ana.crt', certificateFile('worker.crt')],
      ['ana.key', certificateFile('worker.key')],
    ] as const
    expect(commands.length).toBe(2)
    for (const command of commands) {
      const here = replaced.reduce((line, [from, to]) => line.replace(from, to), command)
      const { cookie, url } = await follow(await startProgram(here.split(' '), { REDISCLI_AUTH: 'password' }))
      const headers = { Cookie: cookie, Origin: url, 'X-Respite-Console': '1' }
      const body = JSON.stringify({ command: ['ACL', 'WHOAMI'] })
      const answer = await fetch(`${url}/v1/command`, { method: 'POST', headers, body })
      expect(await answer.json(), here).toEqual({ result: command.includes('ana@') ? 'ana' : 'user' })
    }
  })

  test('its help has each option; a wrong one, and TLS without rediss, are told', async () => {
    const lines: string[] = []
    const run = (...args: string[]): Promise<number> =>
      runConsole(args, { ...processTerminal, print: (line) => lines.push(line) })
    expect(await run('--help')).toBe(0)
    const [tool] = TOOLS.filter(({ name }) => name === 'console')
    for (const { names } of tool!.options) for (const name of names) expect(lines.join(), name).toContain(name)
    for (const [args, message] of [
      [['--nope'], "there is no option '--nope'"],
      [['--console-port', '1'], "the option '--connect' is missing"],
      [['--connect', 'redis://host', '--insecure'], 'rediss://'],
      [['--connect', 'rediss://host', '--cacert', '/none'], "cannot read '/none'"],
      [['--connect'], 'wants a value'],
    ] as const) {
      expect(await run(...args)).toBe(2)
      expect(lines.at(-1)).toContain(message)
    }
  })
})

describe('respite --console', () => {
  test('stands for the settings, with a free port where none is named', async () => {
    expect(await withConsole(['--port', '0'])).toEqual({ args: ['--port', '0'], opensConsole: false })
    expect((await withConsole(['--console', 'yes'])).opensConsole).toBe(false)
    const bare = await withConsole(['--console', '--port', '0'])
    expect(bare.args.slice(0, 5)).toEqual(['--port', '0', '--console', 'yes', '--http-port'])
    expect(Number(bare.args[5])).toBeGreaterThan(0)
    const named = await withConsole(['--http-port', '8080', '--console'])
    expect(named.args).toEqual(['--http-port', '8080', '--console', 'yes'])
  })

  test('prints a link that signs in once', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'respite-console-'))
    onTestFinished(() => rmSync(dir, { recursive: true }))
    const link = await startProgram(['--console', '--port', '0', '--dir', dir])
    const { cookie, status, url } = await follow(link)
    expect(status).toBe(200)
    expect((await follow(link)).status).toBe(401)
    const session = await (await fetch(`${url}/v1/session`, { headers: { Cookie: cookie } })).json()
    expect(session).toMatchObject({ user: 'default', how: 'link' })
  })
})

describe('startConsole', () => {
  test('serves the console of a broker inside a program, until it is closed', async () => {
    const broker = await openBroker()
    onTestFinished(() => broker.close())
    await broker.call('SET', 'k', 'v')
    const opened = await startConsole(broker)
    const { cookie, status, url } = await follow(opened.url)
    expect(status).toBe(200)
    const headers = { Cookie: cookie, Origin: url, 'X-Respite-Console': '1' }
    const body = JSON.stringify({ command: ['GET', 'k'] })
    const answer = await fetch(`${url}/v1/command`, { method: 'POST', headers, body })
    expect(await answer.json()).toEqual({ result: 'v' })
    await opened.close()
    await expect(fetch(`${url}/v1/session`)).rejects.toThrow()
    expect(await broker.call('GET', 'k')).toBe('v')
    await expect(startConsole(broker, { port: -1 })).rejects.toThrow(/port/)
  })
})
