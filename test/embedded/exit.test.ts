// Whether a program ends by itself can only be seen from outside: scripts in processes of their own.

import { spawn } from 'node:child_process'
import { expect, onTestFinished, test } from 'vitest'
import { library } from '../support/build.ts'
import { temporaryDirectory } from '../support/server.ts'

async function run(script: string, cwd?: string): Promise<{ code: number | null; output: string }> {
  const source = `import { openBroker, startServer } from ${JSON.stringify(library())}\n${script}`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', source], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  let output = ''
  child.stdout.on('data', (chunk) => {
    output += chunk
  })
  child.stderr.on('data', (chunk) => {
    output += chunk
  })
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  return { code, output }
}

test('a program that opens, uses and closes a broker ends by itself', async () => {
  const script = `
    const broker = await openBroker({ dir: './data', appendfsync: 'always' })
    await broker.call('SET', 'a', 1, 'PX', 3600000)
    const stop = await broker.subscribe('c', () => {})
    const stream = broker.connect()
    stream.write('BLPOP nothing 3600\\r\\n')
    await broker.close()
    console.log('closed')`
  expect(await run(script, temporaryDirectory())).toEqual({ code: 0, output: 'closed\n' })
})

test('an open broker does not keep a program alive, an unanswered call does', async () => {
  const script = `
    const broker = await openBroker()
    await broker.call('SET', 'a', 1, 'PX', 3600000)
    await broker.subscribe('c', () => {})
    broker.call('BLPOP', 'queue', 0.05).then((reply) => console.log('reply', reply))`
  expect(await run(script)).toEqual({ code: 0, output: 'reply null\n' })
})

test('a program that starts, uses and closes a server ends by itself', async () => {
  const script = `
    import net from 'node:net'
    const server = await startServer({ port: 0, dir: './data', config: { timeout: 3600 } })
    const socket = net.connect(server.port, '127.0.0.1')
    socket.write('BLPOP nothing 3600\\r\\n')
    await new Promise((resolve) => setTimeout(resolve, 50))
    await server.close()
    console.log('closed')`
  expect(await run(script, temporaryDirectory())).toEqual({ code: 0, output: 'closed\n' })
})
