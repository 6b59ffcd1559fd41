import { describe, expect, test } from 'vitest'
import { createEngine } from '../../support/engine.ts'

describe('CLIENT MAINT_NOTIFICATIONS', () => {
  test('is unknown, as to Redis 7.2, when the setting is off', () => {
    const client = createEngine({ 'maint-notifications': 'no' }).connect(3)
    expect(client.ask('CLIENT', 'MAINT_NOTIFICATIONS', 'ON')).toBe(
      "-ERR unknown subcommand 'MAINT_NOTIFICATIONS'. Try CLIENT HELP.\r\n",
    )
  })

  test('is taken as clients send it', () => {
    const client = createEngine().connect(3)
    for (const type of ['internal-ip', 'internal-fqdn', 'external-ip', 'external-fqdn', 'none'])
      expect(client.ask('CLIENT', 'MAINT_NOTIFICATIONS', 'ON', 'moving-endpoint-type', type)).toBe('+OK\r\n')
    expect(client.ask('CLIENT', 'MAINT_NOTIFICATIONS', 'on')).toBe('+OK\r\n')
    expect(client.ask('CLIENT', 'MAINT_NOTIFICATIONS', 'ON', 'later-parameter', 'x')).toBe('+OK\r\n')
    expect(client.ask('CLIENT', 'MAINT_NOTIFICATIONS', 'OFF')).toBe('+OK\r\n')
  })

  test('is refused in RESP2, with other words, and with a type that is not known', () => {
    const { connect } = createEngine()
    const words = ['CLIENT', 'MAINT_NOTIFICATIONS']
    expect(connect(2).ask(...words, 'ON')).toMatch(/^-ERR CLIENT MAINT_NOTIFICATIONS needs RESP3/)
    expect(connect(2).ask(...words, 'OFF')).toBe('+OK\r\n')
    const client = connect(3)
    expect(client.ask(...words, 'MAYBE')).toBe('-ERR syntax error\r\n')
    expect(client.ask(...words, 'ON', 'moving-endpoint-type')).toBe('-ERR syntax error\r\n')
    expect(client.ask(...words, 'ON', 'moving-endpoint-type', 'x')).toMatch(/^-ERR moving-endpoint-type must be one of/)
  })

  test('is taken from each user that has authenticated, so that no denial of it fills ACL LOG', () => {
    const { connect } = createEngine()
    const admin = connect(2)
    admin.ask('ACL', 'SETUSER', 'alice', 'on', '>p', '+hello', '~*')
    admin.ask('CONFIG', 'SET', 'requirepass', 'secret')
    const client = connect(3)
    expect(client.ask('CLIENT', 'MAINT_NOTIFICATIONS', 'ON')).toBe('-NOAUTH Authentication required.\r\n')
    client.ask('AUTH', 'alice', 'p')
    expect(client.ask('CLIENT', 'MAINT_NOTIFICATIONS', 'ON')).toBe('+OK\r\n')
    expect(admin.ask('ACL', 'LOG')).toBe('*0\r\n')
  })

  test('each notice has its fields, and the sequence grows', () => {
    const { clock, connect, engine } = createEngine()
    const client = connect(3)
    client.ask('CLIENT', 'MAINT_NOTIFICATIONS', 'ON')
    const { maintenance } = engine.clients
    const now = Math.floor(clock.now())
    maintenance.announce({ type: 'FAILING_OVER', seconds: 5 })
    maintenance.announce({ type: 'FAILED_OVER' })
    maintenance.announce({ type: 'MIGRATING', seconds: 7 })
    maintenance.announce({ type: 'MIGRATED' })
    maintenance.announce({ type: 'MOVING', seconds: 1, endpoint: 'h:1' })
    maintenance.announce({ type: 'SMIGRATING', slots: '1,5-9' })
    maintenance.announce({ type: 'SMIGRATED', moves: [['a:1', 'b:2', '1,5-9']] })
    const shards = '$5 ["1"] '
    expect(client.received().replaceAll('\r\n', ' ')).toBe(
      `>4 $12 FAILING_OVER :${now} :5 ${shards}>3 $11 FAILED_OVER :${now + 1} ${shards}>4 $9 MIGRATING :${now + 2} :7 ${shards}` +
        `>3 $8 MIGRATED :${now + 3} ${shards}>4 $6 MOVING :${now + 4} :1 $3 h:1 >3 $10 SMIGRATING :${now + 5} $5 1,5-9 ` +
        `>3 $9 SMIGRATED :${now + 6} *1 *3 $3 a:1 $3 b:2 $5 1,5-9 `,
    )
  })

  test('no notice comes after OFF, RESET, a return to RESP2, or the end of the connection', () => {
    const { connect, engine } = createEngine()
    const endings = [['CLIENT', 'MAINT_NOTIFICATIONS', 'OFF'], ['RESET'], ['HELLO', '2']]
    for (const words of endings) {
      const client = connect(3)
      client.ask('CLIENT', 'MAINT_NOTIFICATIONS', 'ON')
      client.ask(...words)
      engine.clients.maintenance.announce({ type: 'FAILED_OVER' })
      expect(client.received()).toBe('')
      client.disconnect()
    }
    expect(engine.clients.maintenance.size).toBe(0)
  })
})
