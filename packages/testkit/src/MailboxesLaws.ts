/**
 * What every layer of `Mailboxes` promises, with the `ObjectStore` whose commits it is changed by: run it against each.
 *
 * @since 0.1.0
 */
import { AvmError, ControllerId, MachineId, Mailboxes, ObjectId, ObjectStore, type Val } from "@effect-avm/core"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Inspectable from "effect/Inspectable"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as STM from "effect/STM"

let counter = 0
const fresh = (kind = "mail"): ObjectId.ObjectId => ObjectId.make(`${kind}-${++counter}`)

const message = (
  to: ObjectId.ObjectId,
  input: Val.Val,
  options: Partial<Mailboxes.Message> = {}
): Mailboxes.Message => ({
  id: fresh("message"),
  from: Option.none(),
  to,
  input,
  behaviour: Option.none(),
  answered: false,
  ...options
})

const output = (from: ObjectId.ObjectId, payload: Val.Val): Mailboxes.Output => ({
  key: fresh("key").value,
  channel: "mail",
  from,
  payload,
  answer: Option.some({ to: from, tag: "Sent" })
})

const creation = (id: ObjectId.ObjectId): ObjectStore.Creation => {
  const owner = Option.some(ControllerId.make("C1"))
  return {
    behaviour: "cell",
    metadata: { id, machine: MachineId.make("m0"), creatingController: owner, currentController: owner },
    state: 0
  }
}

/** A commit of messages, and of what else is given; it says which objects it conflicts by. */
const commit = (
  messages: Partial<Mailboxes.Changes>,
  changes: Partial<ObjectStore.ChangeSet> = {}
): Effect.Effect<ReadonlyArray<string>, AvmError.StoreError, ObjectStore.ObjectStore> =>
  Effect.gen(function*() {
    const store = yield* ObjectStore.ObjectStore
    const outcome = yield* store.commit({
      ...ObjectStore.noChanges,
      ...changes,
      messages: { ...Mailboxes.noChanges, ...messages }
    })
    return outcome._tag === "Conflicted" ? outcome.objects.map((id) => id.value) : []
  })

const peek = (id: ObjectId.ObjectId, options?: Mailboxes.PeekOptions) =>
  Effect.flatMap(Mailboxes.Mailboxes, (_) => _.peek(id, options))

const inputs = (id: ObjectId.ObjectId, options?: Mailboxes.PeekOptions) =>
  Effect.map(peek(id, options), (messages) => messages.map((_) => _.input))

const promised = (id: ObjectId.ObjectId) => Effect.flatMap(Mailboxes.Mailboxes, (_) => _.promised(id))

const resolved = (output: Val.Val): Mailboxes.Answer => Mailboxes.Resolved({ output: Option.some(output) })

const broken: Mailboxes.Answer = Mailboxes.Broken({
  error: new AvmError.ObjectNotFound({ id: ObjectId.make("nobody") })
})

/** As data, so that a store may answer another object with the same in it. */
const same = (found: unknown, wanted: unknown): void =>
  assert.deepStrictEqual(Inspectable.toJSON(found), Inspectable.toJSON(wanted))

/**
 * The laws, as tests named after the promises in `Mailboxes`.
 *
 * @since 0.1.0
 * @category laws
 */
export const suite = <E>(
  name: string,
  layer: Layer.Layer<ObjectStore.ObjectStore | Mailboxes.Mailboxes, E>
): void =>
  it.layer(layer)(`Mailboxes (${name})`, (it) => {
    it.effect("a mailbox is a queue, in the order of commits and of sending within one", () =>
      Effect.gen(function*() {
        const [a, b] = [fresh(), fresh()]
        yield* commit({ sends: [message(a, 1), message(b, 1), message(a, 2)] })
        yield* commit({ sends: [message(b, 2), message(a, 3)] })
        same(yield* inputs(a), [1, 2, 3])
        same(yield* inputs(b), [1, 2])
        assert.strictEqual(yield* (yield* Mailboxes.Mailboxes).size(a), 3)
        same(yield* inputs(a, { skip: 1, limit: 1 }), [2])
        same(yield* inputs(fresh()), [])
      }))

    it.effect("a message comes back as it was sent", () =>
      Effect.gen(function*() {
        const to = fresh()
        const sent = message(to, { n: [1n, new Uint8Array([1, 2]), to] }, {
          from: Option.some(fresh()),
          behaviour: Option.some("cell"),
          answered: true
        })
        yield* commit({ sends: [sent] })
        const [found] = yield* peek(to)
        assert.deepStrictEqual(
          Schema.encodeSync(Mailboxes.Message)(found ?? message(to, 0)),
          Schema.encodeSync(Mailboxes.Message)(sent)
        )
      }))

    it.effect("those with messages are told, the one with the oldest first", () =>
      Effect.gen(function*() {
        const ids = [fresh(), fresh(), fresh()] as const
        yield* commit({ sends: [message(ids[1], 1), message(ids[0], 1)] })
        yield* commit({ sends: [message(ids[2], 1), message(ids[1], 2)] })
        const [first] = yield* peek(ids[1])
        yield* commit({ takes: first === undefined ? [] : [first] })
        const mine = new Set(ids.map((_) => _.value))
        const told = (yield* (yield* Mailboxes.Mailboxes).waiting).map((_) => _.value).filter((_) => mine.has(_))
        assert.deepStrictEqual(told, [ids[0].value, ids[2].value, ids[1].value])
      }))

    it.effect("a message is taken once; who comes second conflicts, and nothing of his is applied", () =>
      Effect.gen(function*() {
        const [to, other] = [fresh(), fresh()]
        yield* commit({ sends: [message(to, 1), message(to, 2)] }, { creates: [creation(other)] })
        const [first] = yield* peek(to)
        assert(first !== undefined)
        assert.deepStrictEqual(yield* commit({ takes: [first] }), [])
        const again = yield* commit({ takes: [first], sends: [message(to, 3)] }, { states: [[other, 1]] })
        assert.deepStrictEqual(again, [to.value])
        same(yield* inputs(to), [2])
        const store = yield* ObjectStore.ObjectStore
        const stored = yield* store.read(other, ObjectStore.latest)
        assert.isTrue(Option.isSome(stored) && stored.value._tag === "StoredObject" && stored.value.state === 0)
      }))

    it.effect("from the middle as well", () =>
      Effect.gen(function*() {
        const to = fresh()
        yield* commit({ sends: [1, 2, 3, 4].map((n) => message(to, n)) })
        const [, second, third] = yield* peek(to)
        assert(second !== undefined && third !== undefined)
        yield* commit({ takes: [third, second], sends: [message(to, 5)] })
        same(yield* inputs(to), [1, 4, 5])
        same(yield* inputs(to, { skip: 1 }), [4, 5])
      }))

    it.effect("objects and messages change together, or not at all", () =>
      Effect.gen(function*() {
        const store = yield* ObjectStore.ObjectStore
        const id = fresh()
        yield* commit({ sends: [message(id, "work")] }, { creates: [creation(id)] })
        const [work] = yield* peek(id)
        const stored = yield* store.read(id, ObjectStore.latest)
        assert(work !== undefined && Option.isSome(stored) && stored.value._tag === "StoredObject")
        const reads = new Map([[id.value, { id, exists: true, state: stored.value.stateVersion }]])
        yield* commit({}, { states: [[id, 1]] })
        const turn = { takes: [work], sends: [message(id, "done")], outputs: [output(id, "mail")] }
        assert.deepStrictEqual(yield* commit(turn, { reads, states: [[id, 2]] }), [id.value])
        same(yield* inputs(id), ["work"])
        const mine = Effect.map(
          (yield* Mailboxes.Mailboxes).outputs,
          (_) => _.filter((_) => _.from.value === id.value).length
        )
        assert.strictEqual(yield* mine, 0)
        const changes = { ...ObjectStore.noChanges, messages: { ...Mailboxes.noChanges, ...turn } }
        const refused = yield* Effect.either(store.commit(changes, STM.fail("no")))
        assert.strictEqual(refused._tag, "Left")
        same(yield* inputs(id), ["work"])
        assert.deepStrictEqual(yield* commit(turn, { states: [[id, 3]] }), [])
        same(yield* inputs(id), ["done"])
        assert.strictEqual(yield* mine, 1)
      }))

    it.effect("an object that conflicts, and whose mailbox does, is named once", () =>
      Effect.gen(function*() {
        const store = yield* ObjectStore.ObjectStore
        const id = fresh()
        yield* commit({}, { creates: [creation(id)] })
        const stored = yield* store.read(id, ObjectStore.latest)
        assert(Option.isSome(stored) && stored.value._tag === "StoredObject")
        const reads = new Map([[id.value, { id, exists: true, state: stored.value.stateVersion }]])
        yield* commit({ sends: [message(id, "work")] }, { states: [[id, 1]] })
        assert.deepStrictEqual(yield* commit({ drained: [id] }, { reads, states: [[id, 2]] }), [id.value])
      }))

    it.effect("what was not there at a snapshot is not seen by it", () =>
      Effect.gen(function*() {
        const store = yield* ObjectStore.ObjectStore
        const to = fresh()
        yield* commit({ sends: [message(to, 1)] })
        const snapshot = yield* store.snapshot
        yield* commit({ sends: [message(to, 2)] })
        same(yield* inputs(to, { until: snapshot }), [1])
        same(yield* inputs(to), [1, 2])
        yield* store.release(snapshot)
      }))

    it.effect("a mailbox found empty conflicts with what has come since, but for what was taken", () =>
      Effect.gen(function*() {
        const to = fresh()
        assert.deepStrictEqual(yield* commit({ drained: [to] }), [])
        yield* commit({ sends: [message(to, 1)] })
        const [first] = yield* peek(to)
        assert(first !== undefined)
        assert.deepStrictEqual(yield* commit({ drained: [to] }), [to.value])
        assert.deepStrictEqual(yield* commit({ drained: [to], takes: [first] }), [])
      }))

    it.effect("nobody has more messages than the capacity; what is taken makes room", () =>
      Effect.gen(function*() {
        const to = fresh()
        assert.deepStrictEqual(yield* commit({ capacity: 2, sends: [1, 2].map((n) => message(to, n)) }), [])
        assert.deepStrictEqual(yield* commit({ capacity: 2, sends: [message(to, 3)] }), [to.value])
        const [first] = yield* peek(to)
        assert(first !== undefined)
        assert.deepStrictEqual(yield* commit({ capacity: 2, takes: [first], sends: [message(to, 3)] }), [])
        same(yield* inputs(to), [2, 3])
        assert.deepStrictEqual(yield* commit({ sends: [message(to, 4)] }), [])
      }))

    it.effect("a message whose answer is promised is accepted once", () =>
      Effect.gen(function*() {
        const to = fresh()
        const sent = message(to, 1, { answered: true })
        assert.deepStrictEqual(yield* promised(sent.id), Option.none())
        yield* commit({ sends: [sent, sent] })
        yield* commit({ sends: [sent] })
        same(yield* inputs(to), [1])
        same(yield* promised(sent.id), Option.some({ _tag: "Pending" }))
        yield* commit({ takes: yield* peek(to), settles: [[sent.id, resolved(7)]] })
        yield* commit({ sends: [sent] })
        same(yield* inputs(to), [])
        same(yield* promised(sent.id), Option.some(resolved(7)))
      }))

    it.effect("a promise is settled once, however", () =>
      Effect.gen(function*() {
        for (
          const answer of [
            resolved([1n]),
            Mailboxes.Resolved({ output: Option.none() }),
            broken,
            Mailboxes.Died({ defect: "oops" })
          ]
        ) {
          const sent = message(fresh(), 1, { answered: true })
          yield* commit({ sends: [sent] })
          yield* commit({ settles: [[sent.id, answer]] })
          yield* commit({ settles: [[sent.id, resolved("too late")]] })
          const found = Option.getOrThrow(yield* promised(sent.id))
          assert(found._tag !== "Pending")
          assert.deepStrictEqual(
            Schema.encodeSync(Mailboxes.Answer)(found),
            Schema.encodeSync(Mailboxes.Answer)(answer)
          )
        }
      }))

    it.effect("what is sent to a promise waits, and goes on in order to the object that it resolves to", () =>
      Effect.gen(function*() {
        const [to, object] = [fresh(), fresh()]
        const sent = message(to, 1, { answered: true })
        yield* commit({ sends: [sent, message(sent.id, "a"), message(object, "direct")] })
        yield* commit({ sends: [message(sent.id, "b")] })
        same(yield* inputs(sent.id), ["a", "b"])
        const waiting = (yield* (yield* Mailboxes.Mailboxes).waiting).map((_) => _.value)
        assert.isFalse(waiting.includes(sent.id.value))
        yield* commit({ settles: [[sent.id, resolved(object)]] })
        same(yield* inputs(object), ["direct", "a", "b"])
        assert.deepStrictEqual((yield* peek(object)).map((_) => _.to.value), [object.value, object.value, object.value])
        yield* commit({ sends: [message(sent.id, "c")] })
        same(yield* inputs(object), ["direct", "a", "b", "c"])
        same(yield* inputs(sent.id), [])
      }))

    it.effect("a promise that resolves to another waits for it with all it has", () =>
      Effect.gen(function*() {
        const object = fresh()
        const [first, second] = [message(fresh(), 1, { answered: true }), message(fresh(), 2, { answered: true })]
        yield* commit({ sends: [first, second, message(first.id, "a"), message(second.id, "b")] })
        yield* commit({ settles: [[first.id, resolved(second.id)]] })
        yield* commit({ sends: [message(first.id, "c")] })
        same(yield* inputs(second.id), ["b", "a", "c"])
        yield* commit({ settles: [[second.id, resolved(object)]] })
        same(yield* inputs(object), ["b", "a", "c"])
      }))

    it.effect("a promise that breaks, or is no object, breaks those sent to it, and theirs", () =>
      Effect.gen(function*() {
        for (
          const [answer, wanted] of [[broken, broken], [resolved(1), undefined], [
            Mailboxes.Died({ defect: 1 }),
            undefined
          ]] as const
        ) {
          const first = message(fresh(), 1, { answered: true })
          const second = message(first.id, 2, { answered: true })
          const third = message(second.id, 3, { answered: true })
          const late = message(third.id, 4, { answered: true })
          yield* commit({ sends: [first, second, third, message(third.id, "unanswered")] })
          yield* commit({ settles: [[first.id, answer]] })
          yield* commit({ sends: [late] })
          const notThere = Mailboxes.Broken({ error: new AvmError.ObjectNotFound({ id: first.id }) })
          const expected = answer._tag === "Resolved" ? notThere : wanted ?? answer
          for (const { id } of [second, third, late]) {
            const found = Option.getOrThrow(yield* promised(id))
            assert(found._tag !== "Pending")
            assert.deepStrictEqual(
              Schema.encodeSync(Mailboxes.Answer)(found),
              Schema.encodeSync(Mailboxes.Answer)(expected)
            )
            same(yield* inputs(id), [])
          }
        }
      }))

    it.effect("promises that are settled with each other in a circle break", () =>
      Effect.gen(function*() {
        const [first, second] = [message(fresh(), 1, { answered: true }), message(fresh(), 2, { answered: true })]
        yield* commit({ sends: [first, second] })
        yield* commit({ settles: [[first.id, resolved(second.id)]] })
        yield* commit({ settles: [[second.id, resolved(first.id)]] })
        const found = Option.getOrThrow(yield* promised(second.id))
        assert.strictEqual(found._tag, "Broken")
        // And nothing hangs.
        yield* commit({ sends: [message(first.id, "a")] })
      }))

    it.effect("a forward is sent when its promise is settled, or at once; only if it is for that", () =>
      Effect.gen(function*() {
        const to = fresh()
        const [good, bad] = [message(fresh(), 1, { answered: true }), message(fresh(), 2, { answered: true })]
        const forward = (promise: Mailboxes.Message, on: Mailboxes.Forward["on"], tag: string): Mailboxes.Forward => ({
          id: fresh("message"),
          from: Option.none(),
          promise: promise.id,
          on,
          to,
          tag
        })
        const both = [good, bad].flatMap((_) => [forward(_, "resolved", "yes"), forward(_, "broken", "no")])
        yield* commit({ sends: [good, bad, ...both] })
        same(yield* inputs(to), [])
        yield* commit({ settles: [[good.id, resolved(7)], [bad.id, broken]] })
        const error = { _tag: "ObjectNotFound", id: "nobody" }
        same(yield* inputs(to), [["yes", 7], ["no", error]])
        yield* commit({ sends: [forward(good, "resolved", "again"), forward(good, "broken", "never")] })
        same(yield* inputs(to), [["yes", 7], ["no", error], ["again", 7]])
        // To a promise that nobody has made it is for nobody.
        yield* commit({ sends: [forward(message(to, 1), "resolved", "lost")] })
        same(yield* inputs(to), [["yes", 7], ["no", error], ["again", 7]])
      }))

    it.effect("a chain of 10,000 promises breaks at once", () =>
      Effect.gen(function*() {
        const chain = [message(fresh(), 0, { answered: true })]
        for (let n = 1; n < 10_000; n++) chain.push(message(chain[n - 1]?.id ?? fresh(), n, { answered: true }))
        yield* commit({ sends: chain })
        yield* commit({ settles: [[chain[0]?.id ?? fresh(), broken]] })
        const last = Option.getOrThrow(yield* promised(chain.at(-1)?.id ?? fresh()))
        assert.strictEqual(last._tag, "Broken")
      }), { timeout: 60_000 })

    it.effect("an output stays until it is acknowledged, which happens once", () =>
      Effect.gen(function*() {
        const mailboxes = yield* Mailboxes.Mailboxes
        const from = fresh()
        const [one, two] = [output(from, 1), output(from, { n: 2n })]
        const mine = Effect.map(mailboxes.outputs, (_) => _.filter((_) => _.from.value === from.value))
        yield* commit({ outputs: [one, two] })
        assert.deepStrictEqual(
          (yield* mine).map((_) => Schema.encodeSync(Mailboxes.Output)(_)),
          [one, two].map((_) => Schema.encodeSync(Mailboxes.Output)(_))
        )
        assert.deepStrictEqual(yield* commit({ acknowledged: [one] }), [])
        assert.deepStrictEqual(yield* commit({ acknowledged: [one], sends: [message(from, "twice")] }), [from.value])
        same(yield* inputs(from), [])
        assert.deepStrictEqual((yield* mine).map((_) => _.key), [two.key])
      }))

    it.effect("a dead letter stays until it is taken, which happens once", () =>
      Effect.gen(function*() {
        const mailboxes = yield* Mailboxes.Mailboxes
        const to = fresh()
        const letter: Mailboxes.DeadLetter = { message: message(to, [1n]), reason: broken, attempts: 3 }
        const mine = Effect.map(mailboxes.deadLetters, (_) => _.filter((_) => _.message.to.value === to.value))
        yield* commit({ parked: [letter] })
        assert.deepStrictEqual(
          (yield* mine).map((_) => Schema.encodeSync(Mailboxes.DeadLetter)(_)),
          [Schema.encodeSync(Mailboxes.DeadLetter)(letter)]
        )
        assert.deepStrictEqual(yield* commit({ unparked: [letter], sends: [letter.message] }), [])
        assert.deepStrictEqual(yield* commit({ unparked: [letter], sends: [letter.message] }), [to.value])
        assert.strictEqual((yield* peek(to)).length, 1)
        assert.deepStrictEqual(yield* mine, [])
      }))

    it.scoped("who listens is told of each commit that brings something, once it is committed", () =>
      Effect.gen(function*() {
        const mailboxes = yield* Mailboxes.Mailboxes
        const [a, b] = [fresh(), fresh()]
        const mine = new Set([a.value, b.value])
        const heard: Array<Mailboxes.Arrived> = []
        yield* mailboxes.listen((arrived) => void heard.push(arrived))
        const sent = message(b, 1, { answered: true })
        yield* commit({ sends: [sent, message(a, 1), message(b, 2)], outputs: [output(a, 1)] })
        yield* commit({ takes: yield* peek(b), settles: [[sent.id, resolved(1)]] })
        // A store may tell later than it answers.
        for (let n = 0; n < 1000 && heard.length < 2; n++) yield* Effect.yieldNow()
        const names = (ids: ReadonlyArray<ObjectId.ObjectId>) => ids.map((_) => _.value).filter((_) => mine.has(_))
        const all = heard.filter((_) => _.outputs.length + names(_.mailboxes).length + names(_.taken).length > 0)
        assert.deepStrictEqual(all.map((_) => names(_.mailboxes)), [[b.value, a.value], []])
        assert.deepStrictEqual(all.map((_) => names(_.taken)), [[], [b.value]])
        assert.deepStrictEqual(all.map((_) => _.outputs.length), [1, 0])
        assert.deepStrictEqual(all.map((_) => _.settled.map((_) => _.value)), [[], [sent.id.value]])
      }))

    it.effect("awaiting a conflict ends when a message comes to where none was", () =>
      Effect.gen(function*() {
        const store = yield* ObjectStore.ObjectStore
        const to = fresh()
        const messages = { ...Mailboxes.noChanges, drained: [to] }
        const waiting = yield* Effect.fork(store.awaitConflict({ ...ObjectStore.noChanges, messages }))
        yield* Effect.repeatN(Effect.yieldNow(), 10)
        assert.isTrue(Option.isNone(yield* Fiber.poll(waiting)))
        yield* commit({ sends: [message(to, 1)] })
        yield* Fiber.join(waiting)
      }))
  })
