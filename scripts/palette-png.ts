// Makes a PNG smaller: a picture of a page has few colours, so each pixel is a number in a palette.
//
// It reads what Chromium writes: 8 bits a channel, RGB or RGBA without transparency, not interlaced.
// Colours that are nearly equal share an entry, which has the one that is most frequent.

import { crc32, deflateSync, inflateSync } from 'node:zlib'

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
const COLORS_MAX = 256

interface Pixels {
  readonly width: number
  readonly height: number
  /** 0xRRGGBB each. */
  readonly colors: Uint32Array
}

export function withPalette(png: Buffer): Buffer {
  const { width, height, colors } = decode(png)
  const counts = new Map<number, number>()
  for (const color of colors) counts.set(color, (counts.get(color) ?? 0) + 1)
  const { palette, indexOf } = paletteOf(counts)
  const rows = Buffer.alloc((width + 1) * height)
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) rows[y * (width + 1) + 1 + x] = indexOf(colors[y * width + x]!)
  const head = Buffer.alloc(13)
  head.writeUInt32BE(width, 0)
  head.writeUInt32BE(height, 4)
  head.set([8, 3, 0, 0, 0], 8)
  const entries = Buffer.from(palette.flatMap((color) => [color >> 16, (color >> 8) & 255, color & 255]))
  const parts = [chunk('IHDR', head), chunk('PLTE', entries), chunk('IDAT', deflateSync(rows, { level: 9 }))]
  return Buffer.concat([SIGNATURE, ...parts, chunk('IEND', Buffer.alloc(0))])
}

/** Joins colours by ever fewer bits, until the palette has room for all. */
function paletteOf(counts: ReadonlyMap<number, number>): { palette: number[]; indexOf(color: number): number } {
  for (let bits = 8; ; bits--) {
    const mask = ((0xff << (8 - bits)) & 0xff) * 0x010101
    const frequent = new Map<number, number>()
    for (const [color, count] of counts) {
      const before = frequent.get(color & mask)
      if (before === undefined || count > (counts.get(before) ?? 0)) frequent.set(color & mask, color)
    }
    if (frequent.size > COLORS_MAX) continue
    const indexes = new Map([...frequent.keys()].map((group, i) => [group, i]))
    return { palette: [...frequent.values()], indexOf: (color) => indexes.get(color & mask) ?? 0 }
  }
}

function decode(png: Buffer): Pixels {
  const data: Buffer[] = []
  let [width, height, channels] = [0, 0, 0]
  for (let at = SIGNATURE.length; at < png.length; ) {
    const length = png.readUInt32BE(at)
    const type = png.toString('latin1', at + 4, at + 8)
    const body = png.subarray(at + 8, at + 8 + length)
    if (type === 'IHDR') {
      ;[width, height] = [body.readUInt32BE(0), body.readUInt32BE(4)]
      if (body[8] !== 8 || (body[9] !== 2 && body[9] !== 6) || body[12] !== 0) throw new Error('a PNG of another kind')
      channels = body[9] === 2 ? 3 : 4
    } else if (type === 'IDAT') data.push(body)
    at += length + 12
  }
  const bytes = unfiltered(inflateSync(Buffer.concat(data)), width * channels, channels)
  const colors = new Uint32Array(width * height)
  for (let i = 0; i < colors.length; i++)
    colors[i] = (bytes[i * channels]! << 16) | (bytes[i * channels + 1]! << 8) | bytes[i * channels + 2]!
  return { width, height, colors }
}

/** Takes the filters of PNG away: each row says by which neighbours its bytes were foretold. */
function unfiltered(rows: Buffer, rowBytes: number, pixelBytes: number): Buffer {
  const height = rows.length / (rowBytes + 1)
  const out = Buffer.alloc(rowBytes * height)
  for (let y = 0; y < height; y++) {
    const filter = rows[y * (rowBytes + 1)]!
    for (let x = 0; x < rowBytes; x++) {
      const at = y * rowBytes + x
      const left = x < pixelBytes ? 0 : out[at - pixelBytes]!
      const above = y === 0 ? 0 : out[at - rowBytes]!
      const aboveLeft = y === 0 || x < pixelBytes ? 0 : out[at - rowBytes - pixelBytes]!
      out[at] = rows[y * (rowBytes + 1) + 1 + x]! + foretold(filter, left, above, aboveLeft)
    }
  }
  return out
}

function foretold(filter: number, left: number, above: number, aboveLeft: number): number {
  switch (filter) {
    case 1:
      return left
    case 2:
      return above
    case 3:
      return (left + above) >> 1
    case 4: {
      const [toLeft, toAbove, toBoth] = [above - aboveLeft, left - aboveLeft, left + above - 2 * aboveLeft].map(
        Math.abs,
      )
      return toLeft! <= toAbove! && toLeft! <= toBoth! ? left : toAbove! <= toBoth! ? above : aboveLeft
    }
    default:
      return 0
  }
}

function chunk(type: string, body: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), body])
  const made = Buffer.alloc(named.length + 8)
  made.writeUInt32BE(body.length, 0)
  named.copy(made, 4)
  made.writeUInt32BE(crc32(named), named.length + 4)
  return made
}
