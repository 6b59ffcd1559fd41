// Every kind of value and reply between scripts, commands and clients, and the mistakes that the
// redis library reports, beside redis-server in both protocols. Cases that crash redis-server 7.0
// (error tables without a text), or that it prints otherwise than 7.2 (doubles), are left out.

import { beforeAll, describe, expect, test } from 'vitest'
import { redisServerIsOlder, redisServerMissing } from '../support/redis-server.ts'
import { useBoth } from './use-both.ts'

/** Values as Lua source. */
const VALUES = [
  '1',
  "'x'",
  'nil',
  'true',
  'false',
  '{}',
  '{1}',
  '{map={}}',
  '{set={}}',
  '{double=1}',
  '{double=-1/0}',
  '{double=-0.0}',
  '{map=5}',
  "{set='x'}",
  '{big_number=5}',
  "{big_number='abc'}",
  "{big_number=''}",
  "{verbatim_string='x'}",
  "{verbatim_string={format='toolong',string='x'}}",
  "{verbatim_string={format='a',string='x'}}",
  "{verbatim_string={format='',string=''}}",
  "{verbatim_string={format='txt',string='a\\r\\nb'}}",
  "{verbatim_string={format=5,string='x'}}",
  "{verbatim_string={string='x'}}",
  "{err='E x',ok='y'}",
  "{ok='y',double=3}",
  '{double=3,map={}}',
  '{map={a=1},set={b=true}}',
  '{err=true}',
  '{ok=true}',
  '{ok={}}',
  '{err={}}',
  "{err='-'}",
  "{err='--x'}",
  "{err=' '}",
  "{err='\\n'}",
  "{ok='\\n'}",
  "{ok=''}",
  "{err='x\\0y z'}",
  "{ok='x\\0y z'}",
  '{[1]=1,[2]=nil,[3]=3}',
  '{[1.5]=1}',
  '{[0]=1,1,2}',
  '{n=1}',
  'math.huge',
  '-math.huge',
  '2^53',
  '2^62',
  '-2^63',
  '2^63',
  '2^64',
  '0.9999999',
  "'\\0\\255'",
  'cjson.null',
  "setmetatable({},{__index=function(t,k) error('idx '..tostring(k)) end})",
  'setmetatable({1,2},{__len=function() return 5 end})',
  "setmetatable({},{__tostring=function() return 'ts' end})",
  '{push={1,2}}',
  '{null=true}',
  '{boolean=true}',
  '{attribute={}}',
  '{map={[true]=false,[1]=nil}}',
  "{map={['a']={err='x'}}}",
  '{set={[{1}]=true}}',
  '{set={[1]=true}}',
  '{map={[1]={map={[2]={map={}}}}}}',
  '{set={x=false}}',
  "redis.error_reply('a')",
  "redis.error_reply('a b c')",
  "redis.error_reply('-a b c')",
  "redis.error_reply('--a b')",
  "redis.error_reply(' x')",
  "redis.error_reply('-')",
  "redis.error_reply('- ')",
  "redis.error_reply('a\\n')",
  "redis.error_reply('a\\nb c\\n\\n')",
  "redis.error_reply('\\n\\na b')",
  "redis.error_reply('a \\nb')",
  "redis.error_reply('\\0')",
  'redis.error_reply({})',
  'redis.error_reply(nil)',
  "redis.error_reply('a','b')",
  "redis.status_reply('')",
  "redis.status_reply('-x')",
  "redis.status_reply('a\\0b')",
  'redis.status_reply(nil)',
  'redis.status_reply({})',
  'redis.status_reply(5)',
  'redis.error_reply(5)',
]

/** Error tables without `err` crash redis-server when they are raised. */
const mayBeRaised = (value: string): boolean => !/^(\{(?!err=')|setmetatable|redis.status|cjson)/.test(value)

/** Calls whose replies are of every shape. */
const CALLS = [
  "'hgetall','h'",
  "'hgetall','none'",
  "'smembers','s'",
  "'zscore','z','m'",
  "'zscore','z','none'",
  "'get','none'",
  "'lpop','none'",
  "'lpop','none',1",
  "'mget','none','str'",
  "'zrange','z',0,-1,'withscores'",
  "'zpopmin','none'",
  "'zadd','z','incr',1,'m'",
  "'zadd','z','xx','incr',1,'q'",
  "'geodist','z','m','none'",
  "'xrange','x','-','+'",
  "'xread','streams','x','0'",
  "'xread','streams','none','0'",
  "'config','get','maxmemory'",
  "'config','get','no*such'",
  "'hrandfield','one',1,'withvalues'",
  "'hrandfield','none'",
  "'object','freq','str'",
  "'type','str'",
  "'ping'",
  "'echo','x'",
  "'exists','str'",
  "'command','getkeys','get','a'",
  "'incrbyfloat','f','1.5'",
  "'hincrbyfloat','h','n','1.5'",
  "'zmscore','z','m','none'",
  "'zrandmember','z',1,'withscores'",
  "'zinter',1,'z','withscores'",
  "'bitfield','str2','get','u8',0,'overflow','fail','incrby','u2',0,9",
  "'lpos','l','q'",
  "'sort','l','alpha'",
  "'set','str','v','nx'",
  "'set','str','v','get'",
  "'getdel','none'",
  "'memory','usage','none'",
  "'publish','c','m'",
  "'function','stats'",
  "'client','getname'",
  "'client','id','x'",
  "'dump','none'",
  "'pubsub','numsub','c'",
  "'pubsub','channels'",
  "'evalsha','x',0",
  "'xpending','x','g'",
  "'xautoclaim','x','g','c',0,0",
]

const PREPARATION = [
  ['HSET', 'h', 'a', '1', 'b', '2'],
  ['HSET', 'one', 'f', 'v'],
  ['SADD', 's', 'x'],
  ['ZADD', 'z', '1.5', 'm'],
  ['SET', 'str', 'v'],
  ['XADD', 'x', '1-1', 'f', 'v'],
  ['XGROUP', 'CREATE', 'x', 'g', '0'],
  ['RPUSH', 'l', 'b', 'a'],
]

/** Mistakes and oddities. */
const SCRIPTS = [
  'return redis.sha1hex(nil)',
  'return redis.sha1hex(true)',
  'return redis.sha1hex(1.5)',
  "return redis.sha1hex('\\0\\255')",
  'return redis.sha1hex(print)',
  'return redis.log()',
  'return redis.log(redis.LOG_WARNING)',
  "return redis.log('3','x')",
  "return redis.log(-1,'x')",
  "return redis.log(1.5,'x')",
  "return redis.log(4,'x')",
  'return redis.log(3,{})',
  'return redis.log(3,nil)',
  "return redis.log(3,1,2,'x',true)",
  "return redis.log(nil,'x')",
  "return redis.log(0/0,'x')",
  "return redis.log(1/0,'x')",
  "return redis.log(3.9,'x')",
  'return redis.setresp(2.5)',
  "return redis.setresp('x')",
  'return redis.setresp(nil)',
  'return redis.setresp({})',
  'return redis.setresp(3, 3)',
  'return redis.setresp(true)',
  'return redis.setresp(3.9)',
  "return redis.setresp('2')",
  "return redis.set_repl('x')",
  'return redis.set_repl(nil)',
  // Redis 7.0 says that it takes two.
  ...(redisServerIsOlder() ? [] : ['return redis.set_repl(1,2)']),
  'return redis.set_repl(4)',
  'return redis.set_repl(-1)',
  'return redis.set_repl(3.7)',
  'return redis.set_repl({})',
  'return redis.set_repl(0)',
  "return redis.set_repl('3')",
  'return redis.replicate_commands(1)',
  'return redis.breakpoint(1)',
  'return redis.debug()',
  'return redis.debug(1,2,{})',
  "return redis.acl_check_cmd('GET')",
  "return redis.acl_check_cmd('config','get')",
  "return redis.acl_check_cmd('config')",
  "return redis.acl_check_cmd('config','nosub')",
  "return redis.acl_check_cmd('config|get')",
  "return redis.acl_check_cmd('get','a','b','c')",
  'return redis.acl_check_cmd(1)',
  'return redis.acl_check_cmd(nil)',
  'return redis.acl_check_cmd(true)',
  "return redis.acl_check_cmd('')",
  "return redis.acl_check_cmd('get',nil)",
  "return redis.acl_check_cmd('client', 'x')",
  "return redis.acl_check_cmd('set', 'k', 'v')",
  "return redis.call('')",
  "return redis.call(' get','k')",
  'return redis.call(1)',
  "return redis.call('get', nil)",
  "return redis.call('get', 1/0)",
  "return redis.call('set','a',1e15)",
  "return redis.call('set','a',2^53)",
  "return redis.call('set','a',2^63) or 1",
  "redis.call('set','a',1e100) return redis.call('get','a')",
  "redis.call('set','a',123456.789e3) return redis.call('get','a')",
  "redis.call('set','a',3.14159265358979) return redis.call('get','a')",
  "redis.call('set','a',2^53+2) return redis.call('get','a')",
  "redis.call('set','a',-1/0) return redis.call('get','a')",
  'return redis.pcall(nil)',
  'return redis.pcall(function() end)',
  "return redis.pcall('get', {})",
  'return redis.call.x',
  'return redis.call:x()',
  'return #redis',
  'return tostring(redis):sub(1,6)',
  'return redis[1]',
  'return next(redis) ~= nil',
  'return redis.REDIS_VERSION_NUM > 0x070000',
  'return type(redis.REDIS_VERSION)',
  'return redis == redis',
  "return {redis.pcall('config','get')}",
  "return redis.pcall('config', {})",
  "return redis.pcall('config',1)",
  "return redis.call('object', 'nosub', 'x')",
  "return redis.call('xgroup')",
  "return redis.call('xgroup','create')",
  "return redis.call('COMMAND','NOSUB')",
  "return redis.call('get\\r\\n')",
  "return redis.call('nosuch\\r\\n')",
  "return redis.error_reply('x\\r\\ny')['err']",
  "local a = redis.pcall('nosuch') a.err = 'changed x' return a",
  "local a = redis.pcall('nosuch') a.source = 's' a.line = 9 error(a)",
  "local ok, e = pcall(redis.call,'nosuch') return e.source",
  "local ok, e = pcall(redis.call,'nosuch') return tostring(e)",
  "local e = redis.pcall('nosuch') return {tostring(e.source), tostring(e.line)}",
  "error({err='My e', source='x', line=4})",
  "error({err='My e', source='x'})",
  "error({err='My e', line='4'})",
  "error({err='My e', ignore_error_stats_update=true})",
  "error('x', 2)",
  "error('x', 3)",
  'error(5)',
  "error('E x')",
  "error('-E x')",
  "error('ERR x')",
  "error('WRONGTYPE x')",
  "error('a\\r\\nb')",
  "error('a\\0b')",
  "error(redis.error_reply('a'))",
  "error(redis.error_reply('MY a'))",
  'return pcall(error)',
  "return select('#', pcall(error))",
  "xpcall(function() error('x') end, function(e) error('again') end)",
  "return {xpcall(function() error('x') end, function(e) return e .. '!' end)}",
  "return {xpcall(function() redis.call('nosuch') end, function(e) return e.err end)}",
  "return {pcall(redis.call, 'nosuch')}",
  "return {pcall(redis.pcall, 'nosuch')}",
  'assert(false)',
  "assert(nil, 'msg')",
  "assert(false, {err='T x'})",
  "assert(redis.call('get','nosuchkey'))",
  "local f = loadstring('x x') return f",
  "return {loadstring('x x')}",
  "loadstring('error(1)')()",
  "return loadstring(string.rep(' ', 100)..'return 1')()",
  'return tostring(nil)..tostring(1e15)..tostring(0.1)..tostring(-0)..tostring(1e100)',
]

/** Shows a value, in a script. */
const SHOW = `local function show(v)
  if type(v) ~= 'table' then return type(v) .. ':' .. tostring(v) end
  local fields = {}
  for a, b in pairs(v) do fields[#fields + 1] = show(a) .. '=' .. show(b) end
  table.sort(fields)
  return '{' .. table.concat(fields, ',') .. '}'
end\n`

describe.skipIf(redisServerMissing()).each([2, 3] as const)('RESP%i', (protocol) => {
  const both = useBoth()

  beforeAll(async () => {
    await both.begin(protocol)
    for (const request of PREPARATION) await both.ask(request)
  })

  async function compare(scripts: readonly string[]): Promise<void> {
    const own: string[] = []
    const redis: string[] = []
    for (const script of scripts) {
      const { ours, theirs } = await both.ask(['EVAL', script, '0'])
      own.push(`${script}\n${JSON.stringify(ours)}`)
      redis.push(`${script}\n${JSON.stringify(theirs)}`)
    }
    expect(own).toEqual(redis)
  }

  test.each(VALUES)('%s: returned, in a table, in a map, raised', async (value) => {
    await compare([
      `return ${value}`,
      `redis.setresp(3) return ${value}`,
      `return {${value}, 'after'}`,
      `redis.setresp(3) return {map={k=${value}}}`,
      `redis.setresp(3) redis.setresp(2) return ${value}`,
      `return {pcall(error, ${value})}`,
      ...(mayBeRaised(value) ? [`error(${value})`] : []),
    ])
  })

  test.each(CALLS)('redis.call(%s): as a value and as a reply', async (call) => {
    await compare([
      `return redis.pcall(${call})`,
      `redis.setresp(3) return redis.pcall(${call})`,
      `${SHOW} return show(redis.pcall(${call}))`,
      `${SHOW} redis.setresp(3) return show(redis.pcall(${call}))`,
      `redis.call(${call})`,
    ])
  })

  test.each(SCRIPTS)('%s', (script) => compare([script]))

  test('a name that ends in a zero byte is no command, even if redis-server finds one', async () => {
    // Redis compares names up to the first zero byte but hashes them whole. So it finds GET if both
    // happen to share a bucket.
    const { ours } = await both.ask(['EVAL', "return redis.call('get\\0','k')", '0'])
    expect(String(ours)).toContain('Unknown Redis command called from script')
  })
})
