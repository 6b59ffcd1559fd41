// redis-py as its users use it: a program in Python (redis-py.py) goes through the families, once in each protocol.

import { spawn, spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { startTestServer } from '../support/server.ts'

const PROGRAM = fileURLToPath(new URL('redis-py.py', import.meta.url))

/** The system's own is where the system's package is, whatever else the PATH begins with. */
const PYTHONS = ['python3', '/usr/bin/python3']

/** A Python that has redis-py; undefined, which the reader is told, when there is none. */
function findPython(): string | undefined {
  const found = PYTHONS.find((python) => spawnSync(python, ['-c', 'import redis']).status === 0)
  if (found === undefined) console.warn('skipped: there is no Python with redis-py (apt-get install python3-redis)')
  return found
}

const python = findPython()

test.skipIf(python === undefined)('redis-py: every family works, in each protocol it speaks', async () => {
  const { port } = await startTestServer()
  const child = spawn(python!, [PROGRAM, String(port)], { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text
  })
  await new Promise((resolve) => child.once('close', resolve))
  const results = Object.entries(JSON.parse(output) as Record<string, string | null>)
  expect(results.filter(([, failure]) => failure !== null)).toEqual([])
  expect(results.length).toBeGreaterThanOrEqual(9)
})
