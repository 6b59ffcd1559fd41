import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { withConsole } from '../../src/cli/console-option.ts'
import { openBroker, startConsole } from '../../src/index.ts'
import { program } from '../support/build.ts'

/** Signs in by a link as the page does. */
async function follow(link: string): Promise<{ url: string; status: number; cookie: string }> {
  const { hash, origin } = new URL(link)
  const headers = { Origin: origin, 'X-Respite-Console': '1' }
  const body = JSON.stringify({ link: hash.replace('#link=', '') })
  const answer = await fetch(`${origin}/v1/session`, { method: 'POST', headers, body })
  return { url: origin, status: answer.status, cookie: (answer.headers.getSetCookie()[0] ?? '').split(';')[0]! }
}

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
    const child = spawn(process.execPath, [program(), '--console', '--port', '0', '--dir', dir], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const exited = new Promise((resolve) => child.once('close', resolve))
    onTestFinished(async () => {
      child.kill()
      await exited
      rmSync(dir, { recursive: true })
    })
    const link = await new Promise<string>((resolve) => {
      let output = ''
      child.stdout.on('data', (chunk: Buffer) => {
        output += chunk.toString()
        const [found] = /http:\/\/127\.0\.0\.1:\d+\/console\/#link=[\w-]+/.exec(output) ?? []
        if (found !== undefined) resolve(found)
      })
    })
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
