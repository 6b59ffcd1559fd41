// What happens when a command fails in a way it never should: the mistake is ours, the queues are everybody's.

import { expect, test } from 'vitest'
import type { Log } from '../../src/engine/log.ts'
import type { Call } from '../../src/engine/requests/call.ts'
import { UnfinishedChange } from '../../src/engine/requests/command-failure.ts'
import { type Command, defineCommand } from '../../src/engine/spec/command.ts'
import { createEngine, type TestEngine } from '../support/engine.ts'

/** A command that breaks where a test says. */
function broken(name: string, run: (call: Call) => void): Command {
  return defineCommand({
    name,
    group: 'string',
    summary: 'Fails.',
    since: '1.0.0',
    complexity: 'O(1)',
    arity: 2,
    flags: ['write'],
    keys: [{ first: 1, last: 1, step: 1, access: 'RW', use: 'update' }],
    args: [{ name: 'key', type: 'key' }],
    reply: 'never',
    run(call) {
      run(call)
      throw new TypeError('this never happens')
    },
  })
}

const EARLY = broken('BROKEN.EARLY', (call) => void call.db.findForRead(call.key(1)))
const REPLYING = broken('BROKEN.REPLYING', (call) => {
  call.reply.array(3)
  call.reply.text('one')
})
const LONG_REPLYING = broken('BROKEN.LONGREPLY', (call) => call.reply.text('x'.repeat(1 << 20)))
const LATE = [
  broken('BROKEN.FOUND', (call) => void call.db.findForWrite(call.key(1))),
  broken('BROKEN.WRITTEN', (call) => void call.db.writeString(call.key(1), call.key(1))),
  broken('BROKEN.REMOVED', (call) => void call.db.delete(call.key(1))),
  broken('BROKEN.CHANGED', (call) => call.changed(call.key(1), 'set')),
  broken('BROKEN.PROPAGATED', (call) => call.propagate('SET', 'a', 'b')),
  broken('BROKEN.CLEARED', (call) => call.db.clear()),
]

const ANSWER = '-ERR Internal error, please report it: TypeError: this never happens\r\n'

function engineThatBreaks(): TestEngine & { logged: string[] } {
  const test = createEngine({}, 1, [EARLY, REPLYING, LONG_REPLYING, ...LATE])
  const logged: string[] = []
  const note =
    (level: string) =>
    (details: object, message: string): void => {
      const { error } = details as { error?: Error }
      logged.push(`${level}: ${message} ${error?.stack?.split('\n')[0]}`)
    }
  Object.assign(test.engine.environment, {
    log: { ...test.engine.environment.log, error: note('error'), fatal: note('fatal') } satisfies Log,
  })
  return { ...test, logged }
}

test.each([EARLY, REPLYING])('a command that breaks before it changes anything is answered: $name', ({ spec }) => {
  const { connect, journal, logged, engine } = engineThatBreaks()
  const client = connect()
  client.ask('SET', 'k', 'v')
  expect(client.ask(spec.name, 'k')).toBe(ANSWER)
  expect(logged).toEqual(['error: a command failed in a way it never should TypeError: this never happens'])
  expect(engine.figures.stats.errorReplies).toBe(1)
  expect(client.ask('GET', 'k')).toBe('$1\r\nv\r\n')
  expect(journal.take()).toEqual(['0 SET k v'])
})

test('in a pipeline, in a transaction and in a script it takes the place of the reply it had begun', () => {
  const { connect, journal } = engineThatBreaks()
  const client = connect()
  const pipeline = 'PING\r\nBROKEN.REPLYING k\r\nPING\r\n'
  expect(client.sendRaw(pipeline)).toBe(`+PONG\r\n${ANSWER}+PONG\r\n`)
  client.sendRaw('MULTI\r\nSET a 1\r\nBROKEN.REPLYING k\r\nSET b 2\r\n')
  expect(client.ask('EXEC')).toBe(`*3\r\n+OK\r\n${ANSWER}+OK\r\n`)
  const script =
    "redis.call('SET', 'c', '3') local e = redis.pcall('BROKEN.REPLYING', 'k') return {e.err, redis.call('GET', 'c')}"
  expect(client.ask('EVAL', script, 0)).toContain('Internal error, please report it: TypeError: this never happens')
  expect(client.ask('EVAL', "return pcall(redis.call, 'BROKEN.REPLYING', 'k') and 1 or 2", 0)).toBe(':2\r\n')
  expect(journal.take()).toEqual(['MULTI', '0 SET a 1', '0 SET b 2', 'EXEC', '0 SET c 3'])
})

test('when a part of the reply has left already, the connection ends', () => {
  const { connect } = engineThatBreaks()
  const client = connect()
  client.ask('BROKEN.LONGREPLY', 'k')
  expect(client.closed).toBe('now')
  expect(connect().ask('PING')).toBe('+PONG\r\n')
})

test.each(LATE)('a command that breaks after it may have changed something stops the process: $name', ({ spec }) => {
  for (const through of ['itself', 'EVAL', 'pcall'] as const) {
    const { connect, logged } = engineThatBreaks()
    const client = connect()
    client.ask('SET', 'k', 'v')
    const call = `'${spec.name}', 'k'`
    const ask = (): string => {
      if (through === 'itself') return client.ask(spec.name, 'k')
      return client.ask(
        'EVAL',
        through === 'EVAL' ? `redis.call(${call})` : `pcall(redis.call, ${call}) redis.pcall(${call})`,
        0,
      )
    }
    expect(ask, through).toThrow(UnfinishedChange)
    expect(logged).toEqual(['fatal: a command failed halfway through a change: stopping TypeError: this never happens'])
  }
})

test('settling a change is part of it: a journal that breaks stops the process, and no script can catch that', () => {
  for (const error of [new TypeError('broken'), new RangeError('Maximum call stack size exceeded')]) {
    const { connect, journal } = engineThatBreaks()
    const client = connect()
    journal.appendRequest = () => {
      throw error
    }
    expect(() => client.ask('EVAL', "pcall(redis.call, 'SET', 'k', 'v') return 1", 0)).toThrow(UnfinishedChange)
  }
})

test('a script that meets a mistake of ours in the interpreter is answered, and what it changed is journaled', () => {
  const { connect, engine, journal, logged } = engineThatBreaks()
  const client = connect()
  client.ask('EVAL', 'return 1', 0)
  // A library function that breaks stands for any mistake of the interpreter's.
  engine.parts.scripting.commands.check = () => {
    throw new TypeError('this never happens')
  }
  const script =
    "redis.call('SELECT', 3) redis.call('SET', 'k', 'v') pcall(redis.acl_check_cmd, 'GET') redis.call('SET', 'after', '1')"
  expect(client.ask('EVAL', script, 0)).toBe(ANSWER)
  expect(journal.take()).toEqual(['3 SET k v'])
  expect(logged).toHaveLength(1)
  // The client is where it was, and the next script runs as ever.
  expect(client.ask('SET', 'here', '1')).toBe('+OK\r\n')
  expect(journal.take()).toEqual(['0 SET here 1'])
  expect(client.ask('EVAL', "return redis.call('GET', 'here')", 0)).toBe('$1\r\n1\r\n')
})
