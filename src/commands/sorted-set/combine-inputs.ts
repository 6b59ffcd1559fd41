// The inputs of ZUNION, ZINTER and ZDIFF: sorted sets, and plain sets, whose members have the score
// 1.

import { ERR } from '../../protocol/errors.ts'
import { NONE } from '../../store/keyspace/keyspace.ts'
import { ABSENT, MemberSet } from '../../store/set/member-set.ts'
import { SortedSet, SortedSetPosition } from '../../store/sorted-set/sorted-set.ts'
import { Bytes } from '../../util/bytes/bytes.ts'
import type { Call } from '../call.ts'

/** The score of every member of a plain set. */
const PLAIN_SCORE = 1

/** One input, and a walk over it. `member` and `score` are those of the current step. */
export class Input {
  readonly value: SortedSet | MemberSet | undefined
  weight = 1
  readonly member = new Bytes()
  score = PLAIN_SCORE
  #position: SortedSetPosition | undefined = undefined
  #slot = ABSENT

  constructor(value: SortedSet | MemberSet | undefined) {
    this.value = value
  }

  get length(): number {
    return this.value === undefined ? 0 : this.value.length
  }

  /** Goes to the first member; returns false if there is none. */
  begin(): boolean {
    const { value } = this
    if (value === undefined || value.length === 0) return false
    if (value instanceof SortedSet) {
      this.#position ??= new SortedSetPosition()
      value.seek(0, this.#position)
      this.#show(value)
    } else {
      this.#slot = value.first()
      value.memberOf(this.#slot, this.member)
    }
    return true
  }

  /** Goes to the next member; returns false after the last. */
  next(): boolean {
    const { value } = this
    if (value instanceof SortedSet) {
      if (!value.next(this.#position!)) return false
      this.#show(value)
      return true
    }
    this.#slot = value!.next(this.#slot)
    if (this.#slot === ABSENT) return false
    value!.memberOf(this.#slot, this.member)
    return true
  }

  #show(set: SortedSet): void {
    set.memberAt(this.#position!, this.member)
    this.score = this.#position!.score
  }

  /** Returns a member's score; undefined if it is not in the input. */
  scoreOf(member: Bytes): number | undefined {
    const { value } = this
    if (value === undefined) return undefined
    if (value instanceof SortedSet) return value.score(member)
    return value.has(member) ? PLAIN_SCORE : undefined
  }
}

/** Reads `count` keys from argument `first` on as inputs. Throws ERR.wrongType. */
export function readInputs(call: Call, first: number, count: number): Input[] {
  const inputs: Input[] = []
  for (let i = first; i < first + count; i++) {
    const entry = call.db.findForRead(call.key(i))
    const type = entry === NONE ? NONE : call.db.typeOf(entry)
    if (type !== NONE && type !== SortedSet.type && type !== MemberSet.type) throw ERR.wrongType
    inputs.push(new Input(type === NONE ? undefined : (call.db.structureOf(entry) as SortedSet | MemberSet)))
  }
  return inputs
}
