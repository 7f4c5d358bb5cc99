/**
 * `avm trace`: what a store has kept of what happened, as a table, as JSON, as a picture; also as it comes.
 */
import { ControllerId, MachineId, ObjectId } from "@effect-avm/core"
import type { Recording } from "@effect-avm/diagram"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as path from "node:path"
import type { CliError, StoreFailed } from "../CliError.js"
import type { Term } from "../Term.js"
import { type Pictures, saying, write } from "./pictures.js"
import { jsonLine, jsonLines, note, out, progress, table } from "./printing.js"
import { type Asked, beforeLast, count, entries, first, layer, objectId, Store, txId, type Written } from "./reading.js"
import { maxEntries } from "./recorder.js"
import * as words from "./words.js"

export interface Options {
  readonly store: string
  readonly object: Option.Option<string>
  readonly tx: Option.Option<string>
  readonly last: Option.Option<number>
  readonly follow: boolean
  readonly pictures: Pictures
  readonly json: boolean
}

/** How long a follower sleeps when nothing has come. */
const pause = Duration.millis(200)

export const trace = (options: Options): Effect.Effect<void, CliError, Term> =>
  Effect.gen(function*() {
    const asked: Asked = {
      object: yield* Effect.transposeMapOption(options.object, objectId),
      tx: yield* Effect.transposeMapOption(options.tx, txId)
    }
    const after = yield* Option.match(options.last, {
      onNone: () => Effect.succeed(0),
      onSome: (last) => beforeLast(asked, last)
    })
    if (options.pictures.length > 0) return yield* draw(options, asked, after)
    const shown = options.follow ? following(asked, after) : entries(asked, after)
    if (options.json) return yield* jsonLines(shown, words.toJson)
    const total = yield* table(shown, words.storeHeader, words.storeRow)
    if (total > 0) return
    yield* note(
      Option.isSome(yield* first)
        ? "no entry of the trace is asked for"
        : "the trace is empty: Sqlite.layerTraced writes one, Sqlite.layer none"
    )
  }).pipe(Effect.provide(layer(options.store)))

// ---------------------------------------------------------------------------
// following
// ---------------------------------------------------------------------------

/** What is there, then what comes, until it is interrupted. What was dropped before it could be read is told. */
const following = (asked: Asked, after: number): Stream.Stream<Written, StoreFailed, Store | Term> => {
  let last = after
  const missed = Effect.flatMap(first, (lowest) => {
    const gone = last === 0 ? 0 : Option.getOrElse(lowest, () => last + 1) - last - 1
    return gone > 0 ? note(`${gone} entries were dropped before they could be read`) : Effect.void
  })
  const more = Stream.suspend(() =>
    Stream.tap(entries(asked, last), ({ number }) =>
      Effect.sync(() => {
        last = number
      }))
  )
  return Stream.concat(
    more,
    Stream.forever(Stream.concat(Stream.execute(Effect.zipRight(Effect.sleep(pause), missed)), more))
  )
}

// ---------------------------------------------------------------------------
// pictures
// ---------------------------------------------------------------------------

/** So many entries are read in one query that asks what is known of objects. */
const atOnce = 500

const draw = (options: Options, asked: Asked, after: number): Effect.Effect<void, CliError, Store | Term> =>
  Effect.gen(function*() {
    const { filename } = yield* Store
    const total = yield* count(asked, after)
    const read: Array<Written> = []
    yield* Effect.scoped(Effect.gen(function*() {
      const advance = yield* progress("reading", Math.min(total, maxEntries))
      yield* Stream.runForEachChunk(Stream.take(entries(asked, after), maxEntries), (chunk) => {
        for (const entry of chunk) read.push(entry)
        return advance(chunk.length)
      })
    }))
    if (total > read.length) yield* note(`${total - read.length} of ${total} entries were not read`)
    const recording: Recording.Recording = {
      entries: read.map(({ entry, execution, tx }) => {
        const { event, executingController, timestamp } = entry
        const detail = { tx: Option.getOrUndefined(tx) }
        return [execution, { timestamp, event, executingController, detail }] as const
      }),
      title: path.basename(filename),
      programs: [...new Set(read.map(({ execution }) => execution))].map((execution) => ({
        execution,
        root: ObjectId.make(execution)
      })),
      objects: yield* known(read)
    }
    yield* write(recording, options.pictures)
    if (options.json) yield* jsonLine({ written: options.pictures.map(([, path]) => path), entries: read.length })
    else yield* out(saying(options.pictures))
  })

/** What the store has of the objects that the entries name: what does not change, and where they have stayed. */
const known = (read: ReadonlyArray<Written>): Effect.Effect<ReadonlyArray<Recording.Known>, StoreFailed, Store> =>
  Effect.gen(function*() {
    const { ask } = yield* Store
    const named = new Set<string>()
    const moved = new Set<string>()
    for (const { entry: { event } } of read) {
      if ("id" in event) named.add(event.id.value)
      if (event._tag === "MessageSent") named.add(event.from.value).add(event.to.value)
      if (event._tag === "ObjectMoved") moved.add(event.id.value)
    }
    const ids = [...named]
    const objects: Array<Recording.Known> = []
    for (let from = 0; from < ids.length; from += atOnce) {
      const some = ids.slice(from, from + atOnce)
      const rows = yield* ask(
        `SELECT id, behaviour, creating_controller, machine FROM objects WHERE id IN (${
          some.map(() => "?").join(", ")
        })`,
        ...some
      )
      for (const { behaviour, creating_controller, id, machine } of rows) {
        objects.push({
          id: ObjectId.make(String(id)),
          ...behaviour === null ? {} : { behaviour: String(behaviour) },
          ...creating_controller === null ? {} : { controller: ControllerId.make(String(creating_controller)) },
          ...machine === null || moved.has(String(id)) ? {} : { machine: MachineId.make(String(machine)) }
        })
      }
    }
    return objects
  })
