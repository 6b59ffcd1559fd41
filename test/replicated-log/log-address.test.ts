import { describe, expect, test } from 'vitest'
import { describeLogAddress, readLogAddress } from '../../src/replicated-log/log-address.ts'
import { readStoreAddress } from '../../src/replicated-log/snapshots/store-address.ts'

describe('the address of a log', () => {
  test('names servers, a stream, and its options', () => {
    expect(readLogAddress('nats://a:4222,b:4222,[::1]:4222/orders?replicas=5&bytes=2gb&missing=refuse')).toEqual({
      kind: 'jetstream',
      options: {
        servers: ['nats://a:4222', 'nats://b:4222', 'nats://[::1]:4222'],
        stream: 'orders',
        replicas: 5,
        bytesMax: 2 * 1024 ** 3,
        missing: 'refuse',
        safety: 'required',
      },
    })
  })

  test('holds a percent-encoded user and files for TLS', () => {
    expect(readLogAddress('nats://bro%3Aker:p%40ss@a:4222/s?ca=/ca.pem&cert=/c.pem&key=/k.pem')).toMatchObject({
      options: {
        servers: ['tls://a:4222'],
        user: 'bro:ker',
        password: 'p@ss',
        tls: { caFile: '/ca.pem', certFile: '/c.pem', keyFile: '/k.pem' },
        replicas: 3,
        missing: 'create',
      },
    })
    expect(readLogAddress('nats://a:4222/s?credentials=/x.creds')).toMatchObject({
      options: { credentialsFile: '/x.creds' },
    })
    expect(readLogAddress('etcd://u:p@a:2379,b:2379/respite?tls=yes')).toEqual({
      kind: 'etcd',
      options: {
        endpoints: ['https://a:2379', 'https://b:2379'],
        prefix: 'respite',
        user: 'u',
        password: 'p',
        tls: {},
        safety: 'required',
      },
    })
  })

  test.each([
    ['kafka://a:1/s', "'log': the address is"],
    ['nats://a:4222', "'log': the address is"],
    ['nats://a/s', "'a' is not host:port"],
    ['nats://a:4222/s?replicas=2', "'replicas' is one of 3, 5, 1"],
    ['nats://a:4222/s?bytes=many', "'bytes' must be a number of bytes"],
    ['nats://a:4222/s?colour=red', "no option 'colour'"],
    ['etcd://a:2379/p?replicas=3', "no option 'replicas'"],
    ['nats://a:4222/s?ca', "'ca' is not an option: write name=value"],
    ['nats://a:4222/s?bytes=1gb&bytes=2gb', "'bytes' is given twice"],
    ['nats://a:4222/s?cert=/c.pem', "'cert' and 'key' belong together"],
    ['nats://u%zz:p@a:4222/s', 'two hexadecimal digits'],
  ])('%s is refused with the reason', (address, reason) => {
    expect(() => readLogAddress(address)).toThrow(reason)
  })

  test('is shown without its secrets', () => {
    expect(describeLogAddress('nats://u:p@a:4222/s')).toBe('nats://a:4222/s')
    expect(describeLogAddress('nats://a:4222/s?bytes=1gb&token=abc&missing=refuse')).toBe(
      'nats://a:4222/s?bytes=1gb&token=…&missing=refuse',
    )
  })
})

describe('the address of a store of snapshots', () => {
  test('is a directory, or a bucket', () => {
    expect(readStoreAddress('file:///var/lib/shared%20one')).toEqual({ kind: 'directory', path: '/var/lib/shared one' })
    expect(readStoreAddress('s3://bucket/cluster-a?endpoint=http://127.0.0.1:9000&region=eu-1')).toEqual({
      kind: 's3',
      options: {
        endpoint: 'http://127.0.0.1:9000',
        region: 'eu-1',
        bucket: 'bucket',
        prefix: 'cluster-a/',
        addressing: 'path',
      },
    })
  })

  test.each([
    ['ftp://x', "'log-snapshots': the address is"],
    ['file://relative', 'must be an absolute path'],
    ['s3://bucket', 'endpoint=https://host'],
    ['s3://bucket?endpoint=http://h&key=x', "no option 'key'"],
  ])('%s is refused with the reason', (address, reason) => {
    expect(() => readStoreAddress(address)).toThrow(reason)
  })
})
