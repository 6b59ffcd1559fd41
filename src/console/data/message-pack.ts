// Reads MessagePack (https://github.com/msgpack/msgpack/blob/master/spec.md) into values for JSON.
//
// A value counts as MessagePack only if it takes all bytes, and is a map or an array: almost any
// short text would be a value otherwise. Extensions are shown as their type and their bytes.

class Cursor {
  readonly #view: DataView
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get isAtEnd(): boolean {
    return this.#at === this.#view.byteLength
  }

  value(depth = 0): unknown {
    if (depth > 64) throw new RangeError('too deep')
    const head = this.#unsigned(1)
    if (head < 0x80) return head
    if (head >= 0xe0) return head - 256
    if (head < 0x90) return this.#map(head & 15, depth)
    if (head < 0xa0) return this.#array(head & 15, depth)
    if (head < 0xc0) return this.#text(head & 31)
    switch (head) {
      case 0xc0:
        return null
      case 0xc2:
        return false
      case 0xc3:
        return true
      case 0xc4:
      case 0xc5:
      case 0xc6:
        return this.#hex(this.#unsigned(1 << (head - 0xc4)))
      case 0xc7:
      case 0xc8:
      case 0xc9:
        return this.#extension(this.#unsigned(1 << (head - 0xc7)))
      case 0xca:
        return this.#view.getFloat32(this.#take(4))
      case 0xcb:
        return this.#view.getFloat64(this.#take(8))
      case 0xcc:
      case 0xcd:
      case 0xce:
        return this.#unsigned(1 << (head - 0xcc))
      case 0xcf:
        return fromBig(this.#view.getBigUint64(this.#take(8)))
      case 0xd0:
        return this.#view.getInt8(this.#take(1))
      case 0xd1:
        return this.#view.getInt16(this.#take(2))
      case 0xd2:
        return this.#view.getInt32(this.#take(4))
      case 0xd3:
        return fromBig(this.#view.getBigInt64(this.#take(8)))
      case 0xd9:
      case 0xda:
      case 0xdb:
        return this.#text(this.#unsigned(1 << (head - 0xd9)))
      case 0xdc:
      case 0xdd:
        return this.#array(this.#unsigned(head === 0xdc ? 2 : 4), depth)
      case 0xde:
      case 0xdf:
        return this.#map(this.#unsigned(head === 0xde ? 2 : 4), depth)
    }
    if (head >= 0xd4 && head <= 0xd8) return this.#extension(1 << (head - 0xd4))
    throw new RangeError('no MessagePack')
  }

  #take(count: number): number {
    const at = this.#at
    if (at + count > this.#view.byteLength) throw new RangeError('the end is missing')
    this.#at += count
    return at
  }

  #unsigned(width: number): number {
    const at = this.#take(width)
    return width === 1 ? this.#view.getUint8(at) : width === 2 ? this.#view.getUint16(at) : this.#view.getUint32(at)
  }

  #bytes(count: number): Uint8Array {
    return new Uint8Array(this.#view.buffer, this.#view.byteOffset + this.#take(count), count)
  }

  #text(count: number): string {
    return new TextDecoder('utf-8', { fatal: true }).decode(this.#bytes(count))
  }

  #hex(count: number): string {
    return `0x${[...this.#bytes(count)].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`
  }

  #extension(count: number): unknown {
    const type = this.#view.getInt8(this.#take(1))
    return { extension: type, bytes: this.#hex(count) }
  }

  #array(count: number, depth: number): unknown[] {
    const made: unknown[] = []
    for (let i = 0; i < count; i++) made.push(this.value(depth + 1))
    return made
  }

  #map(count: number, depth: number): object {
    const pairs: [string, unknown][] = []
    for (let i = 0; i < count; i++) pairs.push([String(this.value(depth + 1)), this.value(depth + 1)])
    return Object.fromEntries(pairs)
  }
}

const fromBig = (value: bigint): number | string =>
  Number.isSafeInteger(Number(value)) ? Number(value) : value.toString()

/** Returns the value; undefined = the bytes are no map and no array of MessagePack. */
export function readMessagePack(bytes: Uint8Array): unknown {
  const head = bytes[0] ?? 0
  const isCollection = (head >= 0x80 && head < 0xa0) || (head >= 0xdc && head <= 0xdf)
  if (!isCollection) return undefined
  try {
    const cursor = new Cursor(bytes)
    const value = cursor.value()
    return cursor.isAtEnd ? value : undefined
  } catch (error) {
    if (error instanceof RangeError || error instanceof TypeError) return undefined
    throw error
  }
}
