/**
 * A42: with the option that records answers, a history leads to the state of its object, whatever its behaviour asked for
 * and whatever has become of whom it asked.
 */
import {
  Avm,
  Behaviour,
  ControllerId,
  IdGenerator,
  Introspect,
  type Mailboxes,
  Obj,
  ObjectId,
  ObjectStore,
  Pure,
  Reachability,
  Scheduling,
  Trace,
  Tx
} from "@effect-avm/core"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import { stores } from "../support/Stores.js"

const c = ControllerId.make("C")

const number = (val: unknown): number => typeof val === "number" ? val : 0

/** Adds what it is given. */
const Counter = Behaviour.layerRaw("counter", function*() {
  const total = number(yield* Introspect.getState) + number(yield* Introspect.input)
  yield* Introspect.setState(total)
  return [total]
})

/** Its state depends on the answers of another object, of a pure function, of its sender, and of a new id. */
const Asker = Behaviour.layerRaw("asker", function*() {
  const other = yield* Introspect.input
  if (!ObjectId.isObjectId(other)) return yield* Behaviour.reject
  const answered = yield* Obj.call(other, 1)
  const doubled = yield* Pure.call("double", [Option.getOrElse(answered, () => 0)])
  const born = yield* Obj.create("counter", c)
  const known = yield* Introspect.getState
  const sender = yield* Introspect.sender
  const seen = [Option.getOrElse(doubled, () => -1), born, Option.isSome(sender)]
  yield* Introspect.setState([...(Array.isArray(known) ? known : []), seen])
  return []
})

const platform = (store: Layer.Layer<ObjectStore.ObjectStore | Mailboxes.Mailboxes>, recordAnswers: boolean) =>
  Layer.mergeAll(Counter, Asker).pipe(
    Layer.provideMerge(Avm.layer({ recordAnswers })),
    Layer.provideMerge(
      Layer.mergeAll(store, Reachability.layerAll, Scheduling.layerFair, IdGenerator.layerRandom, Trace.layerNone)
    )
  )

const stateOf = (id: ObjectId.ObjectId) =>
  Effect.map(
    Effect.flatMap(ObjectStore.ObjectStore, (store) => store.read(id, ObjectStore.latest)),
    (stored) =>
      Option.isSome(stored) && stored.value._tag === "StoredObject" ? stored.value.state : assert.fail("missing")
  )

const historyOf = (id: ObjectId.ObjectId) => Effect.flatMap(ObjectStore.ObjectStore, (store) => store.history(id))

/** In and out of transactions, aborted ones among them; then those it has asked are gone. */
const life = Avm.run(
  Effect.gen(function*() {
    yield* Pure.register("double", ([n]) => Option.some(number(n) * 2))
    const counter = yield* Obj.create("counter", c)
    const asker = yield* Obj.create("asker", c)
    yield* Obj.call(asker, counter)
    yield* Tx.transact(Effect.zipRight(Obj.call(asker, counter), Obj.call(asker, counter)))
    yield* Effect.ignore(Tx.transact(Effect.zipRight(Obj.call(asker, counter), Effect.fail("no"))))
    yield* Effect.ignore(Obj.call(asker, "refused"))
    yield* Obj.call(counter, 40)
    yield* Obj.call(asker, counter)
    return { asker, counter }
  }).pipe(Effect.provide(Avm.layerUnsafe(Pure.UnsafePure)))
)

describe.each(stores)("histories with answers (%s)", (_, store) => {
  it.effect("lead to the states there are (A42)", () =>
    Effect.gen(function*() {
      const { asker, counter } = yield* life
      const [before, total] = [yield* stateOf(asker), yield* stateOf(counter)]
      assert.strictEqual(total, 44)
      assert.strictEqual(Array.isArray(before) && before.length, 4)
      assert.deepStrictEqual(yield* Avm.replay(counter), 44)
      assert.deepStrictEqual(yield* Avm.replay(asker), before)
      // Nothing was executed: neither asked, nor created.
      assert.strictEqual(yield* stateOf(counter), 44)
      const [first] = yield* historyOf(asker)
      assert.strictEqual(first?.answers.length, 5)
    }).pipe(Effect.provide(platform(store, true))))

  it.effect("without the option there are none, and what has asked for anything cannot be replayed", () =>
    Effect.gen(function*() {
      const { asker } = yield* life
      assert.deepStrictEqual((yield* historyOf(asker)).flatMap(({ answers }) => answers), [])
      assert.strictEqual((yield* Effect.flip(Avm.replay(asker)))._tag, "FreezeFailed")
      const missing = yield* Effect.flip(Avm.replay(ObjectId.make("nobody")))
      assert.strictEqual(missing._tag, "ObjectNotFound")
    }).pipe(Effect.provide(platform(store, false))))
})
