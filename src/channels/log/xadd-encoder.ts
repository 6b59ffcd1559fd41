// Encodes a kept message as the XADD command that adds it to its stream, in the form that journals
// write. It is encoded once for all sinks.
//
//   *5 XADD channel:{orders.eu} 1732339999999-0 message <text>
//
// A message usually has the channel and the length of the message before it. Then only the id and
// the text are written again.

import { Arguments } from '../../protocol/arguments.ts'
import { ReplyBuffer } from '../../protocol/reply-buffer.ts'
import { ID_TEXT_BYTES_MAX, type StreamId } from '../../store/stream/stream-id.ts'
import { assert } from '../../util/assert.ts'
import { Bytes, copyBytes, Source } from '../../util/bytes/bytes.ts'

/** The field of an entry. */
export const FIELD = Bytes.from('message')
/** A second field, of a message that was scheduled. */
export const ID_FIELD = Bytes.from('id')
export const XADD = Bytes.from('XADD')

/** A longer message is encoded by each sink, because copying it twice would cost more. */
const TEXT_BYTES_MAX = 1024
/** A longer key is encoded by each sink, too. */
const KEY_BYTES_MAX = 1024
/** Bytes besides key and text: two words, an id, and headers of at most 32 bytes each. */
const FRAME_BYTES_MAX = 256
const COMMAND_BYTES_MAX = FRAME_BYTES_MAX + KEY_BYTES_MAX + TEXT_BYTES_MAX
const LINE_END_BYTES = 2

export class XaddEncoder {
  /** The id as text. */
  readonly idText = new Bytes(Source.allocate(ID_TEXT_BYTES_MAX), 0, 0)
  readonly #buffer = new ReplyBuffer(COMMAND_BYTES_MAX)
  readonly #request = new Arguments()
  /** The key that stands in the request. */
  #key: Bytes | undefined = undefined
  /** Windows on the id and the text within the request. */
  #id = new Bytes()
  #text = new Bytes()

  /**
   * Returns the command, valid until the next call; undefined when the message or its key is too
   * long. Always sets `idText`.
   */
  encode(key: Bytes, id: StreamId, text: Bytes): Arguments | undefined {
    const { idText } = this
    idText.length = id.write(idText.source, 0)
    if (key !== this.#key || idText.length !== this.#id.length || text.length !== this.#text.length) {
      return text.length > TEXT_BYTES_MAX || key.length > KEY_BYTES_MAX ? undefined : this.#write(key, text)
    }
    copyBytes(this.#id.source, this.#id.start, idText.source, 0, idText.length)
    copyBytes(this.#text.source, this.#text.start, text.source, text.start, text.length)
    return this.#request
  }

  #write(key: Bytes, text: Bytes): Arguments {
    const buffer = this.#buffer
    const request = this.#request
    buffer.recycle()
    buffer.array(5)
    this.#writeWord(0, XADD)
    this.#writeWord(1, key)
    this.#id = this.#writeWord(2, this.idText)
    this.#writeWord(3, FIELD)
    this.#text = this.#writeWord(4, text)
    this.#key = key
    assert(buffer.position <= COMMAND_BYTES_MAX, 'the command fits its buffer')
    request.length = 5
    request.rawSource = buffer.source
    request.rawEnd = buffer.position
    return request
  }

  /** Writes one word of the request and returns a window on it. */
  #writeWord(index: number, word: Bytes): Bytes {
    const buffer = this.#buffer
    buffer.bulk(word)
    return this.#request.window(index).set(buffer.source, buffer.position - LINE_END_BYTES - word.length, word.length)
  }
}
