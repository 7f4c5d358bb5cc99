/**
 * Two raw behaviours that call each other: programs from a `Val` to a list of `Val`s, objects created by name.
 *
 * ```sh
 * npx tsx --conditions=@effect-avm/source examples/PingPong.ts 10000
 * ```
 */
import { Avm, Behaviour, Introspect, Obj, ObjectId, type TraceEvent, Val } from "@effect-avm/core"
import { Console, Effect, Layer, Option } from "effect"
import { realpathSync } from "node:fs"
import { pathToFileURL } from "node:url"

// ---------------------------------------------------------------------------
// the behaviours
// ---------------------------------------------------------------------------

/**
 * A message is `[hits, partner]`: how many hits are left to play, and who plays the next one. A player counts its own
 * hits in its state, and answers what its partner answers; the one that gets `[0, …]` ends the game.
 */
const player = (name: string) =>
  Behaviour.layerRaw(name, function*() {
    const message = yield* Introspect.input
    if (!Array.isArray(message)) return yield* Behaviour.reject
    const [hits, partner]: ReadonlyArray<Val.Val> = message
    if (typeof hits !== "number" || !ObjectId.isObjectId(partner)) return yield* Behaviour.reject
    if (hits === 0) return [`${name} has the ball`]
    // Before its first `setState` a raw object has the empty list for a state.
    const before = yield* Introspect.getState
    yield* Introspect.setState(typeof before === "number" ? before + 1 : 1)
    const self = yield* Introspect.self
    return Option.toArray(yield* Obj.call(partner, [hits - 1, self]))
  })

const Players = Layer.merge(player("ping"), player("pong"))

// ---------------------------------------------------------------------------
// the program
// ---------------------------------------------------------------------------

/** A round is a hit of each. No player returns before the game is over: the last call is `2 * rounds + 1` deep. */
const game = (rounds: number) =>
  Effect.gen(function*() {
    const ping = yield* Obj.create("ping")
    const pong = yield* Obj.create("pong")
    const answer = yield* Obj.call(ping, [2 * rounds, pong])
    return Option.getOrElse(answer, () => null)
  })

export const play = (rounds: number) =>
  Effect.gen(function*() {
    const { exit, trace } = yield* Avm.runTraced(game(rounds))
    const answer = yield* exit
    const hits = hitters(trace)
    const calls = trace.filter(({ event }) => event._tag === "ObjectCalled").length
    yield* Console.log(`${hits.slice(0, 6).join(" ")}${hits.length > 6 ? " …" : ""}`)
    yield* Console.log(`${rounds} rounds, ${hits.length} hits, ${calls} calls, one inside the other`)
    yield* Console.log(`the innermost answer came back through all of them: ${Val.format(answer)}`)
    return { rounds, hits: hits.length, calls, answer }
  }).pipe(Effect.provide(Players), Effect.provide(Avm.layerMemory))

/** Who hit the ball, in order: a hit is a change of state, and the trace knows whose. */
const hitters = (trace: ReadonlyArray<TraceEvent.TraceEntry>): ReadonlyArray<string> => {
  const names = new Map<string, string>()
  return trace.flatMap(({ event }) => {
    if (event._tag === "ObjectCreated") names.set(event.id.value, event.behaviour)
    return event._tag === "StateUpdated" ? [names.get(event.id.value) ?? "?"] : []
  })
}

export const main = play(10)

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(realpathSync(process.argv[1])).href) {
  const rounds = Number(process.argv[2] ?? 10)
  if (!Number.isSafeInteger(rounds) || rounds < 0) throw new Error("The argument is the number of rounds")
  await Effect.runPromise(play(rounds))
}
