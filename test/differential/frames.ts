// Replies as trees of frames, each with its own bytes: RESP2 and RESP3.
//
// redis-parser turns replies into values and knows RESP2 only; comparing to the
// byte needs the reverse, where each reply begins and ends. So this scanner cuts
// a stream of replies into frames and judges nothing.

export interface Frame {
  /** The type byte: `+`, `-`, `:`, `$`, `*`, `_`, `,`, `#`, `(`, `=`, `%`, `~`, `>`. */
  type: string
  /** The bytes of the whole frame, latin1; of an aggregate its head line only. */
  head: string
  children: Frame[]
  /** Pushes that stood between the children of an aggregate: they belong to no reply. */
  pushes: Frame[]
  end: number
}

/** Cuts a stream into frames. What is no whole frame ends up in `rest`. */
export function scanFrames(bytes: string): { frames: Frame[]; rest: string } {
  const frames: Frame[] = []
  let at = 0
  while (at < bytes.length) {
    const frame = scanFrame(bytes, at)
    if (frame === undefined) break
    frames.push(frame)
    at = frame.end
  }
  return { frames, rest: bytes.slice(at) }
}

function scanFrame(bytes: string, start: number): Frame | undefined {
  const newline = bytes.indexOf('\r\n', start)
  if (newline === -1) return undefined
  const type = bytes[start]!
  const head = newline + 2
  const frame: Frame = { type, head: bytes.slice(start, head), children: [], pushes: [], end: head }
  switch (type) {
    case '+':
    case '-':
    case ':':
    case '_':
    case ',':
    case '#':
    case '(':
      return frame
    case '$':
    case '=': {
      const length = Number(bytes.slice(start + 1, newline))
      if (length === -1) return frame
      frame.end = head + length + 2
      if (frame.end > bytes.length) return undefined
      frame.head = bytes.slice(start, frame.end)
      return frame
    }
    case '*':
    case '~':
    case '>':
    case '%': {
      let count = Number(bytes.slice(start + 1, newline))
      if (type === '%') count *= 2
      while (frame.children.length < count) {
        const child = scanFrame(bytes, frame.end)
        if (child === undefined) return undefined
        if (child.type === '>') frame.pushes.push(child)
        else frame.children.push(child)
        frame.pushes.push(...child.pushes)
        frame.end = child.end
      }
      return frame
    }
    default:
      return undefined
  }
}

/** All bytes of a frame. */
export function frameBytes(frame: Frame): string {
  return frame.head + frame.children.map(frameBytes).join('')
}

/** The content of a bulk string, status or integer. */
export function frameText(frame: Frame): string {
  if (frame.type === '$' || frame.type === '=') {
    const newline = frame.head.indexOf('\r\n')
    return frame.head.slice(newline + 2, -2)
  }
  return frame.head.slice(1, -2)
}

/** Bytes as a reader of a report wants them: escaped, cut when long. */
export function printable(bytes: string, lengthMax = 300): string {
  const cut = bytes.length > lengthMax ? `${bytes.slice(0, lengthMax)}… (${bytes.length} bytes)` : bytes
  return JSON.stringify(cut)
    .replace(/[\u007f-\u00ff]/g, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`)
    .replace(/\\u00([0-9a-f]{2})/g, '\\x$1')
}
