// Whole servers on a log in JetStream: sockets, threads, files. The simulation tests nodes; this
// tests programs.

import { jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type RunningServer, startServer } from '../../src/index.ts'
import { freePorts } from '../../src/util/free-ports.ts'
import { type LogServers, NATS_USER, natsLog, natsServerMissing, startNatsServers } from '../support/log-servers.ts'
import { eventually, type Program, runProgram, temporaryDirectory } from '../support/server.ts'
import { startServerProcess } from '../support/server-process.ts'

describe.skipIf(natsServerMissing())('servers on one log', () => {
  let nats: LogServers
  let streams = 0

  beforeAll(async () => {
    nats = await startNatsServers()
  })

  afterAll(async () => {
    await nats?.stop()
  })

  const logOf = (stream: string): string => natsLog(nats, stream)

  async function startNode(log: string, dir = temporaryDirectory()): Promise<RunningServer> {
    const server = await startServer({ port: 0, dir, appendfsync: 'always', config: { log, 'shard-name': 'orders' } })
    onTestFinished(() => server.close().catch(() => {}))
    return server
  }

  function clientOf(port: number): Redis {
    // Requests in flight when a connection ended are not sent again.
    const client = new Redis({
      port,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      retryStrategy: () => 50,
    })
    client.on('error', () => {})
    onTestFinished(() => client.disconnect())
    return client
  }

  async function field(client: Redis, name: string): Promise<string | undefined> {
    return new RegExp(`^${name}:(.*?)\r$`, 'm').exec(await client.info('replication'))?.[1]
  }

  /** False while it cannot be asked: a node that stops leading closes its client connections. */
  async function leads(client: Redis): Promise<boolean> {
    return (await field(client, 'role').catch(() => undefined)) === 'master'
  }

  const countAt = (client: Redis): Promise<number> => client.scard('set').catch(() => 0)

  /**
   * The one of two that leads at this moment; on a busy machine the leader may change by itself.
   */
  async function leaderOf(one: Redis, other: Redis): Promise<{ leader: Redis; follower: Redis }> {
    return eventually(async () => {
      if (await leads(one)) return { leader: one, follower: other }
      return (await leads(other)) ? { leader: other, follower: one } : undefined
    }, 'a leader')
  }

  /**
   * Adds members to a set, at any node that accepts them; they are acknowledged when this returns.
   */
  async function add(clients: readonly Redis[], members: readonly string[]): Promise<void> {
    for (const member of members) {
      await eventually(async () => {
        for (const client of clients) {
          const isDone = await client.sadd('set', member).then(
            () => true,
            () => false,
          )
          if (isDone) return true
        }
        return false
      }, 'a write')
    }
  }

  const members = (from: number, to: number): string[] => Array.from({ length: to - from }, (_, i) => `${from + i}`)

  test('one leads and others follow; after a handover no acknowledged write is missing', async () => {
    const log = logOf(`servers-${++streams}`)
    const [a, b] = [await startNode(log), await startNode(log)]
    const both = [clientOf(a.port), clientOf(b.port)] as const
    await add(both, members(0, 50))
    const { leader, follower } = await leaderOf(...both)
    await eventually(async () => (await countAt(follower)) === 50, 'the other has it, too')
    await expect(follower.sadd('set', 'x')).rejects.toThrow(/^READONLY/)
    const place = ['127.0.0.1', `${leader.options.port}`]
    expect(await field(follower, 'log_leader')).toBe(place.join(':'))
    expect(await follower.call('ROLE')).toEqual(['slave', place[0], Number(place[1]), 'connected', expect.any(Number)])
    // Every node tells where the leader is.
    for (const client of both) expect(await client.call('SENTINEL', 'get-master-addr-by-name', 'orders')).toEqual(place)

    // An idle connection is closed as well, so that its client looks for the next leader.
    const idle = clientOf(leader.options.port!)
    await idle.ping()
    const closed = new Promise((resolve) => idle.once('close', resolve))
    await leader.call('FAILOVER').catch(() => undefined)
    await eventually(() => leads(follower), 'the other one leads')
    await closed
    await add(both, members(50, 100))
    for (const client of both) await eventually(async () => (await countAt(client)) === 100, 'both have everything')

    const [leaving, staying] = follower === both[0] ? [a, both[1]] : [b, both[0]]
    await leaving.close()
    await eventually(() => leads(staying), 'the first leads again')
    expect((await staying.smembers('set')).sort()).toEqual(members(0, 100).sort())
    await expect(staying.call('REPLICAOF', '127.0.0.1', '1')).rejects.toThrow('decided by the log')
    expect(await staying.bgsave()).toBe('Background saving started')
  })

  test('a leader that is killed is replaced by another, which has all acknowledged writes', async () => {
    const log = logOf(`servers-${++streams}`)
    const start = async () => {
      const server = await startServerProcess({
        port: 0,
        dir: temporaryDirectory(),
        appendfsync: 'always',
        config: { log },
      })
      onTestFinished(() => {
        server.child.kill('SIGKILL')
      })
      return server
    }
    const [a, b] = [await start(), await start()]
    const both = [clientOf(a.port), clientOf(b.port)] as const
    await add(both, members(0, 50))
    const { leader } = await leaderOf(...both)
    const [killed, left] = leader === both[0] ? [a, both[1]] : [b, both[0]]
    killed.child.kill('SIGKILL')
    await killed.exited
    await add([left], members(50, 60))
    expect((await left.smembers('set')).sort()).toEqual(members(0, 60).sort())
  })

  test('a node that comes back continues from its copy', async () => {
    const log = logOf(`servers-${++streams}`)
    const dir = temporaryDirectory()
    const once = await startNode(log, dir)
    const client = clientOf(once.port)
    await eventually(() => leads(client), 'it leads')
    await client.set('key', 'kept')
    client.disconnect()
    await once.close()
    const again = await startNode(log, dir)
    const back = clientOf(again.port)
    expect(await back.get('key')).toBe('kept')
    await eventually(() => leads(back), 'it leads again')
    expect(Number(await field(back, 'log_epoch'))).toBeGreaterThan(1)
  })

  test('an invalid address is refused and named', async () => {
    await expect(startServer({ port: 0, dir: temporaryDirectory(), config: { log: 'kafka://x' } })).rejects.toThrow(
      /'log': the address is/,
    )
    await expect(
      startServer({ port: 0, dir: temporaryDirectory(), config: { log: 'nats://h:1/s?replica=3' } }),
    ).rejects.toThrow("no option 'replica'")
  })

  async function deleteStream(stream: string): Promise<void> {
    const operator = await connect({
      servers: [...nats.addresses],
      user: NATS_USER.user,
      pass: NATS_USER.password,
    })
    await (await jetstreamManager(operator, { checkAPI: false })).streams.delete(stream)
    await operator.close()
  }

  /** Runs a program on a log until it ends; returns its code and output. */
  async function runOn(log: string): Promise<{ code: number | null; output: string }> {
    const program = runProgram(['--port', '0', '--dir', temporaryDirectory(), '--log', log])
    const { code } = await program.exited
    return { code, output: program.output() }
  }

  test('a program that cannot use its log says why in one line', async () => {
    expect(await runOn(`${logOf('unsafe')}&safety=none`)).toEqual({
      code: 1,
      output: "respite: 'safety' is one of required, development\n",
    })
    expect(await runOn(`${logOf('not-there')}&missing=refuse`)).toEqual({
      code: 1,
      output: 'respite: there is no stream not-there\n',
    })
  })

  test('a program whose stream vanished starts, and says that it appends the log again', async () => {
    const stream = `servers-${++streams}`
    const [port = 0] = await freePorts(1)
    const args = ['--port', `${port}`, '--dir', temporaryDirectory(), '--log', logOf(stream)]
    const started = async (): Promise<Program & { client: Redis }> => {
      const program = runProgram(args)
      const client = clientOf(port)
      await eventually(() => leads(client), 'it leads')
      return { ...program, client }
    }
    const once = await started()
    await once.client.set('key', 'kept')
    once.client.disconnect()
    once.child.kill('SIGTERM')
    await once.exited
    await deleteStream(stream)
    const again = await started()
    expect(await again.client.get('key')).toBe('kept')
    expect(again.output()).toContain('the log has lost its end: it is appended again from the copy')
    expect(again.output()).not.toMatch(/^ {4}at /m)
  })
})
