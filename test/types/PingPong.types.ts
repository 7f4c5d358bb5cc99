// The raw instruction set: behaviours are programs from `Val` to a list of `Val`s, objects are created by name.
import { Avm, AvmError, Behaviour, Introspect, Obj, ObjectId, Tx, type Val } from "@effect-avm/core"
import { Effect, Layer, Option } from "effect"

const player = (name: string) =>
  Behaviour.layerRaw(name, function*() {
    const message = yield* Introspect.input
    if (!Array.isArray(message)) return yield* Behaviour.reject
    const [count, partner, max]: ReadonlyArray<Val.Val> = message
    if (typeof count !== "number" || typeof max !== "number" || !ObjectId.isObjectId(partner)) return ["bad-input"]
    if (count >= max) return [`${name}-done`]
    const self = yield* Introspect.self
    return Option.toArray(yield* Obj.call(partner, [count + 1, self, max]))
  })

// An Effect does as well as a generator function.
const Echo = Behaviour.layerRaw("echo", Effect.map(Introspect.input, (input) => [input]))

const program = Effect.gen(function*() {
  const ping = yield* Obj.create("ping")
  const pong = yield* Obj.create("pong")
  return yield* Obj.call(ping, [0, pong, 1000])
})

// Raw transactions: the compiler does not look inside, the machine does.
export const rawTx = Effect.gen(function*() {
  const tx = yield* Tx.begin()
  const echo = yield* Obj.create("echo")
  yield* Effect.catchTag(Tx.begin(), "NestedTxNotSupported", ({ outer }) => Effect.succeed(outer))
  yield* Tx.commit(tx)
  return echo
})

export const main = Avm.run(program).pipe(
  Effect.catchIf(AvmError.isAvmError, (error) => Effect.die(error)),
  Effect.provide(Layer.mergeAll(player("ping"), player("pong"), Echo)),
  Effect.provide(Avm.layerMemory)
)

export const start = () => Effect.runPromise(main)
