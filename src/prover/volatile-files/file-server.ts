// Answers the kernel's requests about the files of a `VolatileTree`. It knows one user, root, and
// checks no permissions.

import { assert } from '../../util/assert.ts'
import { dateNow } from '../../util/time/real-time.ts'
import {
  type Attributes,
  ERRNO,
  encodeAnswer,
  encodeAttributes,
  encodeEntry,
  encodeGreeting,
  encodeNames,
  encodeOpened,
  encodeSpace,
  encodeWritten,
  type FuseRequest,
  type Listed,
  namesAt,
  number64,
  type Opcode,
  readRequest,
} from './fuse-wire.ts'
import { Directory, File, VolatileTree } from './volatile-tree.ts'

const NOTHING: Buffer = Buffer.alloc(0)
/** Requests for which the kernel expects no answer. */
const UNANSWERED: ReadonlySet<Opcode | undefined> = new Set(['forget', 'forget-several', 'interrupt'])
/** The free space it reports: programs ask before they start. */
const SPACE_BYTES = 64 * 1024 ** 3
/** FATTR_MODE and FATTR_SIZE. */
const CHANGES_MODE = 1 << 0
const CHANGES_SIZE = 1 << 3

/** A refusal with an error number of the system. */
class Refused extends Error {
  readonly errno: number

  constructor(errno: number) {
    super(`errno ${errno}`)
    this.errno = errno
  }
}

export class FileServer {
  readonly tree = new VolatileTree(dateNow())
  readonly #send: (answer: Buffer) => void
  /** How long a sync takes on a volume, by name. */
  readonly slowMs = new Map<string, number>()
  readonly #later: (run: () => void, ms: number) => void

  /** `send` takes an answer; `later` runs a function after a delay. */
  constructor(send: (answer: Buffer) => void, later: (run: () => void, ms: number) => void) {
    this.#send = send
    this.#later = later
  }

  /** Takes a request, and answers it if the kernel expects an answer. */
  receive(bytes: Buffer): void {
    const request = readRequest(bytes)
    const { opcode, unique } = request
    if (opcode === 'forget') this.tree.forget(request.node, number64(request.body, 0))
    if (opcode === 'forget-several') this.#forgetSeveral(request.body)
    if (UNANSWERED.has(opcode)) return
    let body: Buffer = NOTHING
    let error = 0
    try {
      body = this.#answer(request)
    } catch (thrown) {
      if (!(thrown instanceof Refused)) throw thrown
      error = thrown.errno
    }
    const answer = encodeAnswer(unique, error, body)
    const delayMs = opcode === 'fsync' || opcode === 'fsyncdir' ? this.#slownessOf(request.node) : 0
    if (delayMs > 0) this.#later(() => this.#send(answer), delayMs)
    else this.#send(answer)
  }

  #answer({ body, node, opcode }: FuseRequest): Buffer {
    const nowMs = dateNow()
    switch (opcode) {
      case 'init':
        return encodeGreeting()
      case 'lookup':
        return this.#entry(this.#child(this.#directory(node), nameAt(body, 0)))
      case 'getattr':
        return encodeAttributes(attributesOf(this.#node(node)))
      case 'setattr':
        return this.#change(this.#node(node), body)
      case 'mkdir':
        return this.#entry(
          this.tree.createDirectory(this.#free(node, nameAt(body, 8)), nameAt(body, 8), body.readUInt32LE(0), nowMs),
        )
      case 'mknod':
        return this.#entry(
          this.tree.createFile(this.#free(node, nameAt(body, 16)), nameAt(body, 16), body.readUInt32LE(0), nowMs),
        )
      case 'create': {
        const [name = ''] = namesAt(body, 16)
        const file = this.tree.createFile(this.#free(node, name), name, body.readUInt32LE(4), nowMs)
        return Buffer.concat([this.#entry(file), encodeOpened(file.id)])
      }
      case 'unlink':
      case 'rmdir':
        return this.#remove(this.#directory(node), nameAt(body, 0), nowMs)
      case 'rename':
        return this.#rename(node, number64(body, 0), namesAt(body, 8), nowMs)
      case 'rename-with-flags':
        // Programs here neither exchange names nor refuse to replace one.
        if (body.readUInt32LE(8) !== 0) throw new Refused(ERRNO.invalid)
        return this.#rename(node, number64(body, 0), namesAt(body, 16), nowMs)
      case 'open':
      case 'opendir':
        return encodeOpened(this.#node(node).id)
      case 'read':
        return this.#file(node).read(number64(body, 8), body.readUInt32LE(16))
      case 'write': {
        const bytes = body.subarray(40, 40 + body.readUInt32LE(16))
        const file = this.#file(node)
        file.write(number64(body, 8), bytes)
        file.modifiedMs = nowMs
        return encodeWritten(bytes.length)
      }
      case 'fallocate':
        // Without a mode it makes the file longer; holes and other modes are not supported.
        if (body.readUInt32LE(24) !== 0) throw new Refused(ERRNO.notSupported)
        return this.#lengthen(this.#file(node), number64(body, 8) + number64(body, 16))
      case 'readdir':
        return encodeNames(this.#listed(this.#directory(node)), number64(body, 8), body.readUInt32LE(16))
      case 'fsync':
      case 'fsyncdir':
        this.tree.sync(this.#node(node))
        return NOTHING
      case 'statfs':
        return encodeSpace(SPACE_BYTES)
      case 'flush':
      case 'release':
      case 'releasedir':
      case 'destroy':
        return NOTHING
      default:
        throw new Refused(ERRNO.noSys)
    }
  }

  #node(id: number): Directory | File {
    const node = this.tree.node(id)
    if (node === undefined) throw new Refused(ERRNO.noEntry)
    return node
  }

  #directory(id: number): Directory {
    const node = this.#node(id)
    if (node instanceof Directory) return node
    throw new Refused(ERRNO.notDirectory)
  }

  #file(id: number): File {
    const node = this.#node(id)
    if (node instanceof File) return node
    throw new Refused(ERRNO.isDirectory)
  }

  #child(parent: Directory, name: string): Directory | File {
    const child = parent.entries.get(name)
    if (child === undefined) throw new Refused(ERRNO.noEntry)
    return child
  }

  /** The directory with this number, which must not contain the name. */
  #free(id: number, name: string): Directory {
    const directory = this.#directory(id)
    if (directory.entries.has(name)) throw new Refused(ERRNO.exists)
    return directory
  }

  #entry(node: Directory | File): Buffer {
    node.lookups++
    return encodeEntry(attributesOf(node))
  }

  #change(node: Directory | File, body: Buffer): Buffer {
    const changes = body.readUInt32LE(0)
    if ((changes & CHANGES_MODE) !== 0) node.mode = body.readUInt32LE(68)
    if ((changes & CHANGES_SIZE) !== 0) this.tree.resize(this.#file(node.id), number64(body, 16))
    return encodeAttributes(attributesOf(node))
  }

  #lengthen(file: File, size: number): Buffer {
    if (size > file.size) this.tree.resize(file, size)
    return NOTHING
  }

  #remove(parent: Directory, name: string, nowMs: number): Buffer {
    const child = this.#child(parent, name)
    if (child instanceof Directory && child.entries.size > 0) throw new Refused(ERRNO.notEmpty)
    this.tree.remove(parent, name, nowMs)
    return NOTHING
  }

  #rename(from: number, to: number, [name = '', newName = '']: readonly string[], nowMs: number): Buffer {
    const [parent, target] = [this.#directory(from), this.#directory(to)]
    const child = this.#child(parent, name)
    const replaced = target.entries.get(newName)
    if (replaced instanceof Directory && replaced !== child && replaced.entries.size > 0)
      throw new Refused(ERRNO.notEmpty)
    this.tree.rename(parent, name, target, newName, nowMs)
    return NOTHING
  }

  #listed(directory: Directory): Listed[] {
    return [...directory.entries].map(([name, { id, kind }]) => ({ id, name, isDirectory: kind === 'directory' }))
  }

  #forgetSeveral(body: Buffer): void {
    const count = body.readUInt32LE(0)
    for (let i = 0; i < count; i++) this.tree.forget(number64(body, 8 + 16 * i), number64(body, 16 + 16 * i))
  }

  /** How long a sync of this node takes. */
  #slownessOf(id: number): number {
    if (this.slowMs.size === 0) return 0
    const volume = this.tree.node(id)?.volume
    for (const [name, node] of this.tree.root.entries) if (node.volume === volume) return this.slowMs.get(name) ?? 0
    return 0
  }
}

function attributesOf(node: Directory | File): Attributes {
  const { id, kind, mode, modifiedMs } = node
  return { id, isDirectory: kind === 'directory', mode, modifiedMs, size: node.kind === 'file' ? node.size : 4096 }
}

/** The first name in a request. */
function nameAt(body: Buffer, at: number): string {
  const [name] = namesAt(body, at)
  assert(name !== undefined, 'the request has a name')
  return name
}
