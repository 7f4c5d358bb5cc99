/**
 * Everything that the objects of the memory store have accepted, in one log: each message knows where the one before it of
 * the same object is. So accepting one is writing behind the last one written, whosever that was.
 */
import type * as Option from "effect/Option"
import type { ObjectId } from "../ObjectId.js"
import type * as Store from "../ObjectStore.js"
import type { Val } from "../Val.js"

export class Log {
  private readonly chunks: Array<Chunk> = []
  private readonly answers = new Map<number, ReadonlyArray<Store.Answer>>()
  private size = 0

  /** Answers the place of the message. */
  push(
    previous: number,
    input: Val,
    sender: Option.Option<ObjectId>,
    answers: ReadonlyArray<Store.Answer>
  ): number {
    const place = this.size++
    const at = place % chunkSize
    if (at === 0) this.chunks.push({ inputs: [], senders: [], previous: new Int32Array(chunkSize) })
    const chunk = this.chunks[this.chunks.length - 1] as Chunk
    chunk.inputs.push(input)
    chunk.senders.push(sender)
    chunk.previous[at] = previous
    if (answers.length > 0) this.answers.set(place, answers)
    return place
  }
  /** From the place of its last message on, oldest first. */
  history(last: number): ReadonlyArray<Store.Accepted> {
    const found: Array<Store.Accepted> = []
    for (let place = last; place !== nowhere;) {
      const chunk = this.chunks[Math.floor(place / chunkSize)] as Chunk
      const at = place % chunkSize
      found.push({
        input: chunk.inputs[at] as Val,
        sender: chunk.senders[at] as Option.Option<ObjectId>,
        answers: this.answers.get(place) ?? noAnswers
      })
      place = chunk.previous[at] as number
    }
    return found.reverse()
  }
}

interface Chunk {
  readonly inputs: Array<Val>
  readonly senders: Array<Option.Option<ObjectId>>
  readonly previous: Int32Array
}

const chunkSize = 4096

/** The place before the first message. */
export const nowhere = -1

const noAnswers: ReadonlyArray<Store.Answer> = []
