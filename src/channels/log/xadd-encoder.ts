// A kept message as the command that adds it to its stream, encoded as journals write it: once, for all who want effects.
//
//   *5 XADD channel:{orders.eu} 1732339999999-0 message <text>
//
// Mostly one message follows another of the same channel and the same length. Then only the id and the text are written anew.

import { Arguments } from '../../protocol/arguments.ts'
import { ReplyBuffer } from '../../protocol/reply-buffer.ts'
import { ID_TEXT_BYTES_MAX, type StreamId } from '../../store/stream/stream-id.ts'
import { Bytes, copyBytes, Source } from '../../util/bytes/bytes.ts'

/** The one field of an entry. */
export const FIELD = Bytes.from('message')
export const XADD = Bytes.from('XADD')

/** Longer messages are encoded by each who wants them: to copy them twice would cost more. */
const TEXT_BYTES_MAX = 1024
/** As above, for keys. */
const KEY_BYTES_MAX = 1024
/** What is written besides: two words, an id, headers of at most 32 bytes each. */
const FRAME_BYTES_MAX = 256
const LINE_END_BYTES = 2

export class XaddEncoder {
  /** The id as text. */
  readonly idText = new Bytes(Source.allocate(ID_TEXT_BYTES_MAX), 0, 0)
  readonly #buffer = new ReplyBuffer(FRAME_BYTES_MAX + KEY_BYTES_MAX + TEXT_BYTES_MAX)
  readonly #request = new Arguments()
  /** Whose key stands in the request. */
  #key: Bytes | undefined = undefined
  /** Where its id and its text stand. */
  #id = new Bytes()
  #text = new Bytes()

  /** Returns the command, valid until the next is asked for; undefined = it is too long. Sets `idText` in any case. */
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
    request.length = 5
    request.rawSource = buffer.source
    request.rawEnd = buffer.position
    return request
  }

  /** Writes a word of the request, and returns where it stands. */
  #writeWord(index: number, word: Bytes): Bytes {
    const buffer = this.#buffer
    buffer.bulk(word)
    return this.#request.window(index).set(buffer.source, buffer.position - LINE_END_BYTES - word.length, word.length)
  }
}
