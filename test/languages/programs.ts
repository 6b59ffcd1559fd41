// The programs of examples/clients: how each is built and run, and the tools that it needs.

import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { devNull, homedir } from 'node:os'
import { delimiter, join } from 'node:path'

export const EXAMPLES = join(import.meta.dirname, '../../examples/clients')

export interface Program {
  /** The name of the client, and of the program. */
  readonly client: string
  readonly language: Language['name']
  /** The file with the program, below examples/clients. */
  readonly file: string
  readonly run: readonly string[]
  readonly version: () => string
  /** `jobs`: a library of job queues, whose program does other things. */
  readonly kind: 'client' | 'jobs'
  /** The option that it needs: how a client gives its connection a name. */
  readonly options: string
}

export interface Language {
  readonly name: 'Node' | 'Go' | 'Java' | 'Rust' | 'C' | 'Python' | 'Ruby' | 'PHP'
  /** Folder below examples/clients. */
  readonly folder: string
  /** Commands that say with exit code 0 that a tool is there, and how to install the tool. */
  readonly needs: readonly { readonly command: readonly string[]; readonly install: string }[]
  readonly build: readonly (readonly string[])[]
  /** Its build takes long: programs of all others run meanwhile. */
  readonly isBuiltLast?: true
}

/** The folder for built programs, below the user's cache: a second run builds little. */
const BUILT = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'respite-clients')

const built = (path: string): string => join(BUILT, path)

const read = (path: string): string => readFileSync(join(EXAMPLES, path), 'utf8')

/** The version in a manifest: the first group of the pattern. */
const pinned = (path: string, pattern: RegExp) => (): string => pattern.exec(read(path))?.[1] ?? 'unknown'

/** The version that a command prints. */
const asked =
  (...command: readonly string[]) =>
  (): string =>
    /\d+(\.\d+)+/.exec(spawnSync(command[0]!, command.slice(1), { encoding: 'utf8' }).stdout ?? '')?.[0] ?? 'unknown'

const installed = (name: string) => (): string =>
  (
    JSON.parse(readFileSync(join(import.meta.dirname, '../../node_modules', name, 'package.json'), 'utf8')) as {
      version: string
    }
  ).version

const CLASSES = built('java')
const JAVA = [
  'java',
  '-XX:TieredStopAtLevel=1',
  '-cp',
  [join(CLASSES, 'classes'), join(CLASSES, 'libraries/*')].join(delimiter),
]
const PYTHON = built('python/bin/python')

export const LANGUAGES: readonly Language[] = [
  { name: 'Node', folder: 'node', needs: [], build: [] },
  {
    name: 'Go',
    folder: 'go',
    needs: [{ command: ['go', 'list', '-C', join(EXAMPLES, 'go'), '-m'], install: 'a Go toolchain, 1.21 or newer' }],
    build: [['go', 'build', '-o', `${built('go')}/`, './...']],
  },
  {
    name: 'Java',
    folder: 'java',
    needs: [
      { command: ['javac', '-version'], install: "a JDK, 17 or newer (Debian's package default-jdk-headless)" },
      { command: ['mvn', '--version'], install: "Debian's package maven" },
    ],
    build: [['mvn', '--quiet', '--batch-mode', `-Dbuilt=${CLASSES}`, 'process-classes']],
  },
  {
    name: 'Rust',
    folder: 'rust',
    needs: [{ command: ['cargo', '--version'], install: 'a Rust toolchain with cargo, 1.88 or newer' }],
    build: [['cargo', 'build', '--quiet', '--locked', '--target-dir', built('rust')]],
    isBuiltLast: true,
  },
  {
    name: 'C',
    folder: 'c',
    needs: [
      { command: ['cc', '--version'], install: "Debian's package gcc" },
      { command: ['make', '--version'], install: "Debian's package make" },
      {
        command: ['cc', '-fsyntax-only', '-include', 'hiredis/hiredis.h', '-include', 'openssl/ssl.h', '-xc', devNull],
        install: "Debian's packages libhiredis-dev, libssl-dev and libc6-dev",
      },
    ],
    build: [['make', '--silent', `BUILT=${built('c')}`]],
  },
  {
    name: 'Python',
    folder: 'python',
    needs: [
      { command: ['python3', '-c', 'import ensurepip, venv'], install: "Debian's packages python3 and python3-venv" },
    ],
    build: [
      ['python3', '-m', 'venv', built('python')],
      [PYTHON, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', 'requirements.txt'],
    ],
  },
  {
    name: 'Ruby',
    folder: 'ruby',
    needs: [
      {
        command: ['ruby', '-e', 'require "redis"; require "sidekiq"'],
        install: "Debian's packages ruby-redis and ruby-sidekiq",
      },
    ],
    build: [],
  },
  {
    name: 'PHP',
    folder: 'php',
    needs: [
      {
        command: ['php', '-r', 'exit(extension_loaded("redis") ? 0 : 1);'],
        install: "Debian's packages php-cli and php-redis",
      },
      {
        command: ['php', '-r', 'exit(@include("Predis/autoload.php") ? 0 : 1);'],
        install: "Debian's package php-predis",
      },
    ],
    build: [],
  },
]

export const PROGRAMS: readonly Program[] = [
  {
    client: 'ioredis',
    language: 'Node',
    kind: 'client',
    file: 'node/ioredis.mjs',
    run: [process.execPath, 'ioredis.mjs'],
    version: installed('ioredis'),
    options: '`connectionName`',
  },
  {
    client: 'node-redis',
    language: 'Node',
    kind: 'client',
    file: 'node/node-redis.mjs',
    run: [process.execPath, 'node-redis.mjs'],
    version: installed('redis'),
    options: '`name`',
  },
  {
    client: 'BullMQ',
    language: 'Node',
    kind: 'jobs',
    file: 'node/bullmq.mjs',
    run: [process.execPath, 'bullmq.mjs'],
    version: installed('bullmq'),
    options: '`maxRetriesPerRequest: null`',
  },
  {
    client: 'go-redis',
    language: 'Go',
    kind: 'client',
    file: 'go/go-redis/main.go',
    run: [built('go/go-redis')],
    version: pinned('go/go.mod', /go-redis\/v9 v(\S+)/),
    options: '`ClientName`',
  },
  {
    client: 'rueidis',
    language: 'Go',
    kind: 'client',
    file: 'go/rueidis/main.go',
    run: [built('go/rueidis')],
    version: pinned('go/go.mod', /rueidis v(\S+)/),
    options: '`ClientName`',
  },
  {
    client: 'Jedis',
    language: 'Java',
    kind: 'client',
    file: 'java/src/main/java/example/JedisProgram.java',
    run: [...JAVA, 'example.JedisProgram'],
    version: pinned('java/pom.xml', /<artifactId>jedis<\/artifactId>\s*<version>([^<]+)/),
    options: '`clientName`',
  },
  {
    client: 'Lettuce',
    language: 'Java',
    kind: 'client',
    file: 'java/src/main/java/example/LettuceProgram.java',
    run: [...JAVA, 'example.LettuceProgram'],
    version: pinned('java/pom.xml', /<artifactId>lettuce-core<\/artifactId>\s*<version>([^<]+)/),
    options: '`withClientName`',
  },
  {
    client: 'redis-rs',
    language: 'Rust',
    kind: 'client',
    file: 'rust/src/bin/redis-rs.rs',
    run: [built('rust/debug/redis-rs')],
    version: pinned('rust/Cargo.toml', /^redis = .*"=([^"]+)"/m),
    options: '`CLIENT SETNAME` and `SENTINEL` by hand',
  },
  {
    client: 'fred',
    language: 'Rust',
    kind: 'client',
    file: 'rust/src/bin/fred.rs',
    run: [built('rust/debug/fred')],
    version: pinned('rust/Cargo.toml', /^fred = .*"=([^"]+)"/m),
    options: '`CLIENT SETNAME` by hand',
  },
  {
    client: 'hiredis',
    language: 'C',
    kind: 'client',
    file: 'c/hiredis.c',
    run: [built('c/hiredis')],
    version: asked(built('c/hiredis'), '--version'),
    options: '`CLIENT SETNAME`, `SENTINEL` and `MOVED` by hand, TLS with OpenSSL',
  },
  {
    client: 'redis-py',
    language: 'Python',
    kind: 'client',
    file: 'python/redis_py.py',
    run: [PYTHON, 'redis_py.py'],
    version: pinned('python/requirements.txt', /^redis==(\S+)/m),
    options: '`client_name`',
  },
  {
    client: 'Celery',
    language: 'Python',
    kind: 'jobs',
    file: 'python/celery_jobs.py',
    run: [PYTHON, 'celery_jobs.py'],
    version: pinned('python/requirements.txt', /^celery\[redis\]==(\S+)/m),
    options: '',
  },
  {
    client: 'RQ',
    language: 'Python',
    kind: 'jobs',
    file: 'python/rq_jobs.py',
    run: [PYTHON, 'rq_jobs.py'],
    version: pinned('python/requirements.txt', /^rq==(\S+)/m),
    options: '',
  },
  {
    client: 'redis-rb',
    language: 'Ruby',
    kind: 'client',
    file: 'ruby/redis_rb.rb',
    run: ['ruby', 'redis_rb.rb'],
    version: asked('ruby', '-e', 'require "redis"; puts Redis::VERSION'),
    options: '`CLIENT SETNAME` by hand',
  },
  {
    client: 'Sidekiq',
    language: 'Ruby',
    kind: 'jobs',
    file: 'ruby/sidekiq_jobs.rb',
    run: ['ruby', 'sidekiq_jobs.rb'],
    version: asked('ruby', '-e', 'require "sidekiq"; puts Sidekiq::VERSION'),
    options: '',
  },
  {
    client: 'phpredis',
    language: 'PHP',
    kind: 'client',
    file: 'php/phpredis.php',
    run: ['php', 'phpredis.php'],
    version: asked('php', '-r', 'echo phpversion("redis");'),
    options: '`CLIENT SETNAME` by hand',
  },
  {
    client: 'Predis',
    language: 'PHP',
    kind: 'client',
    file: 'php/predis.php',
    run: ['php', 'predis.php'],
    version: asked('php', '-r', 'require "Predis/autoload.php"; echo Predis\\Client::VERSION;'),
    options: '`CLIENT SETNAME` by hand',
  },
]
