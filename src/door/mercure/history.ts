// Finds an update in the history by the id that its publisher gave it.
//
// The message holds that id. Subscribers go on behind one that they heard a moment ago. So the
// search goes from the last update backwards, some of them a turn, and ends after some thousands.

import type { Stream } from '../../store/stream/stream.ts'
import { EntryCursor } from '../../store/stream/stream-cursor.ts'
import { StreamId } from '../../store/stream/stream-id.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import { utf8Of } from '../../util/bytes/text.ts'
import { setImmediate } from '../../util/time/real-time.ts'
import { idWithin } from './update.ts'

const SEARCHED_PER_TURN = 200
/** An older update is not found, and its subscriber is sent the whole history. */
const SEARCHED_MAX = 10_000

const field = new Bytes()
const message = new Bytes()

/** Returns the id of the message; undefined where there is none. `history` is asked once a turn. */
export async function findUpdate(history: () => Stream | undefined, id: string): Promise<StreamId | undefined> {
  const from = new StreamId().setMax()
  for (let searched = 0; searched < SEARCHED_MAX; searched += SEARCHED_PER_TURN) {
    const stream = history()
    if (stream === undefined) return undefined
    const found = searchSome(stream, from, id)
    if (found !== 'further') return found
    await new Promise<void>((resolve) => void setImmediate(resolve))
  }
  return undefined
}

/** Searches some updates from an id on backwards, and moves the id. */
function searchSome(stream: Stream, from: StreamId, id: string): StreamId | undefined | 'further' {
  const at = new EntryCursor()
  let isThere = stream.length > 0 && stream.seekBackwards(from, at)
  for (let left = SEARCHED_PER_TURN; isThere && left > 0; left--) {
    at.beginFields()
    at.nextField(field, message)
    if (idWithin(utf8Of(message.source.u8, message.start, message.length)) === id) return new StreamId().copyFrom(at.id)
    from.copyFrom(at.id).decrement()
    isThere = stream.previous(at)
  }
  return isThere ? 'further' : undefined
}
