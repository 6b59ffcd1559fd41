import { expect, test } from 'vitest'
import { defineCommand } from '../../src/engine/spec/command.ts'
import { crashReport } from '../../src/server/process/crash-report.ts'
import { createEngine } from '../support/engine.ts'

test('a crash report names the command under way, without its words', () => {
  let report: object = {}
  const broken = defineCommand({
    name: 'BROKEN',
    summary: 'Breaks.',
    group: 'server',
    since: '1.0.0',
    arity: -1,
    flags: [],
    run(call) {
      report = crashReport(engine)
      call.reply.ok()
    },
  })
  const { connect, engine } = createEngine({}, 1, [broken])
  const client = connect()
  client.ask('SET', 'k', 'v')
  client.ask('BROKEN', 'secret')
  expect(report).toMatchObject({
    command: 'broken',
    client: '127.0.0.1:50000',
    commandsProcessed: 2,
    clients: 1,
    keys: 1,
  })
  expect(JSON.stringify(report)).not.toContain('secret')
  expect(crashReport(undefined)).toMatchObject({ pid: process.pid, node: process.version })
})
