/**
 * A driver that fails at the n-th statement, for every n, with messages: memory and file are equal afterwards, they have all
 * that was answered and nothing of what was refused; and turns go on from there, each message processed once.
 */
import {
  Avm,
  AvmError,
  Behaviour,
  ControllerId,
  Introspect,
  MachineId,
  Mailboxes,
  Obj,
  ObjectId,
  ObjectStore,
  Outbox,
  Turns
} from "@effect-avm/core"
import { Sqlite } from "@effect-avm/sqlite"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Layer, Option, Schema } from "effect"
import { type Fault, type Faulty, faulty, id, newFile, withDriver } from "./support.js"

// ---------------------------------------------------------------------------
// change sets
// ---------------------------------------------------------------------------

const [a, b, nobody] = [id("a"), id("b"), id("nobody")]

const message = (name: string, to: ObjectId.ObjectId, answered = false): Mailboxes.Message => ({
  id: id(name),
  from: Option.some(b),
  to,
  input: { of: name },
  behaviour: Option.none(),
  answered
})

const [m1, m2, m3, p1, p2, p3] = [
  message("m1", a),
  message("m2", a),
  message("m3", b),
  message("p1", a, true),
  message("p2", id("p1"), true),
  message("p3", a, true)
]
const forward: Mailboxes.Forward = {
  id: id("f1"),
  from: Option.none(),
  promise: p2.id,
  on: "broken",
  to: b,
  tag: "Failed"
}
const output = (key: string): Mailboxes.Output => ({
  key,
  channel: "mail",
  from: a,
  payload: [key],
  answer: Option.some({ to: a, tag: "Sent" })
})
const broken = Mailboxes.Broken({ error: new AvmError.ObjectNotFound({ id: nobody }) })
const letter: Mailboxes.DeadLetter = { message: m2, reason: broken, attempts: 2 }

const creation: ObjectStore.Creation = {
  behaviour: "cell",
  metadata: {
    id: a,
    machine: MachineId.make("m0"),
    creatingController: Option.none(),
    currentController: Option.none()
  },
  state: 0
}

type Step = Partial<Mailboxes.Changes> & { readonly objects?: Partial<ObjectStore.ChangeSet> }

/** Each list is committed at once, so that it shares one write. */
const groups: ReadonlyArray<ReadonlyArray<Step>> = [
  [{ sends: [m1, m3], objects: { creates: [creation] } }, { sends: [m2], outputs: [output("k1")] }],
  [{ takes: [m1], sends: [p1, p2], outputs: [output("k2")] }, { sends: [forward] }],
  [{ acknowledged: [output("k1")], sends: [p3] }, { takes: [m2], parked: [letter] }],
  [{ takes: [p1], settles: [[p1.id, Mailboxes.Resolved({ output: Option.some(b) })]] }],
  [{ takes: [{ ...p2, to: b }], settles: [[p2.id, broken]] }, { unparked: [letter], sends: [m2] }],
  [{ takes: [p3], settles: [[p3.id, Mailboxes.Died({ defect: "oops" })]] }]
]

const perform = (
  { objects, ...messages }: Step
): Effect.Effect<boolean, AvmError.StoreError, ObjectStore.ObjectStore> =>
  Effect.flatMap(ObjectStore.ObjectStore, (store) =>
    Effect.map(
      store.commit({ ...ObjectStore.noChanges, ...objects, messages: { ...Mailboxes.noChanges, ...messages } }),
      (outcome) => outcome._tag === "Committed"
    ))

/** What was acknowledged, in the order of the commits. */
const work = Effect.gen(function*() {
  const done: Array<Step> = []
  for (const group of groups) {
    const fibers: Array<Fiber.Fiber<Exit.Exit<boolean, AvmError.StoreError>>> = []
    for (const step of group) fibers.push(yield* Effect.fork(Effect.exit(perform(step))))
    for (const [index, exit] of (yield* Effect.forEach(fibers, Fiber.join)).entries()) {
      const step = group[index]
      if (Exit.isSuccess(exit) && exit.value && step !== undefined) done.push(step)
      else if (Exit.isFailure(exit)) assert.strictEqual(exit.cause._tag, "Fail", `a defect: ${exit.cause}`)
    }
  }
  return done
})

const encode = <A, I>(schema: Schema.Schema<A, I>, values: Iterable<A>) =>
  JSON.stringify([...values].map((value) => Schema.encodeSync(schema)(value)))

/** Everything that there is of messages, in order. */
const dump = Effect.gen(function*() {
  const mailboxes = yield* Mailboxes.Mailboxes
  const lines = [`waiting ${(yield* mailboxes.waiting).map(({ value }) => value)}`]
  for (const to of [a, b, ...[p1, p2, p3].map((_) => _.id)]) {
    lines.push(`to ${to.value}: ${encode(Mailboxes.Message, yield* mailboxes.peek(to))}, ${yield* mailboxes.size(to)}`)
  }
  for (const { id: promise } of [p1, p2, p3]) {
    const promised = Option.getOrUndefined(yield* mailboxes.promised(promise))
    const known = promised === undefined || promised._tag === "Pending"
      ? String(promised?._tag)
      : encode(Mailboxes.Answer, [promised])
    lines.push(`${promise.value}: ${known}`)
  }
  lines.push(
    encode(Mailboxes.Output, yield* mailboxes.outputs),
    encode(Mailboxes.DeadLetter, yield* mailboxes.deadLetters)
  )
  return lines.join("\n")
})

const on = (filename: string, { driver }: Faulty) => <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.provide(effect, Sqlite.layerStore({ filename, synchronous: "off" })).pipe(withDriver(driver))

const survives = (fault: (n: number) => Fault) =>
  Effect.gen(function*() {
    const filename = yield* newFile
    const failing = faulty()
    const { count, done, memory } = yield* on(filename, failing)(Effect.gen(function*() {
      const before = failing.count
      failing.fault = (n) => fault(n - before)
      const done = yield* work
      const count = failing.count - before
      failing.fault = () => "none"
      return { count, done, memory: yield* dump }
    }))
    assert.strictEqual(yield* on(filename, faulty())(dump), memory)
    const expected = Effect.zipRight(Effect.forEach(done, perform), dump)
    assert.strictEqual(memory, yield* Effect.provide(expected, Layer.fresh(ObjectStore.layerMemory)))
    return { count, done: done.length }
  }).pipe(Effect.scoped)

describe("a statement that fails, with messages", () => {
  for (
    const [what, faultAt] of [
      ["leaves memory and file equal, whichever it is", (at: number) => (n: number) => n === at ? "fails" : "none"],
      [
        "was done all the same: what the file has is answered",
        (at: number) => (n: number) => n === at ? "done and fails" : "none"
      ],
      ["and all after it: what was answered is there", (at: number) => (n: number) => n >= at ? "fails" : "none"]
    ] as const
  ) {
    it.live(what, () =>
      Effect.gen(function*() {
        const { count, done } = yield* survives(() => "none")
        assert.strictEqual(done, groups.flat().length)
        assert.isAbove(count, 40)
        for (let at = 1; at <= count; at++) yield* survives(faultAt(at))
      }), 30_000)
  }
})

// ---------------------------------------------------------------------------
// turns
// ---------------------------------------------------------------------------

const Post = Outbox.make("post", { payload: Schema.Int, success: Schema.Void })

/** Counts, tells the ledger in a message of its own, and the world. */
const Receiver = Behaviour.layerRaw("receiver", function*() {
  const input = yield* Introspect.input
  if (!Array.isArray(input)) return []
  const [number, ledger] = input
  yield* Introspect.setState([yield* Introspect.getState, number].flat())
  if (ObjectId.isObjectId(ledger)) yield* Obj.sendOnly(ledger, [number])
  else yield* Post.emit(Number(number))
  return [number ?? null]
})

describe("a statement that fails in a turn", () => {
  const messages = [1, 2, 3, 4]

  const platform = (filename: string, posted: Map<string, number>) =>
    Layer.merge(
      Receiver,
      Post.toLayer((number, key) => Effect.sync(() => void posted.set(key, number)))
    ).pipe(
      Layer.provideMerge(Avm.layer({ turns: { run: "manual" } })),
      Layer.provideMerge(Sqlite.layerPorts({ filename, synchronous: "off" }))
    )

  const stateOf = (of: ObjectId.ObjectId) =>
    Effect.map(
      Effect.flatMap(ObjectStore.ObjectStore, (store) => store.read(of, ObjectStore.latest)),
      (stored) => Option.isSome(stored) && stored.value._tag === "StoredObject" ? stored.value.state : null
    )

  /** The turns with a fault at one statement, then a second machine on the same file, which goes on. */
  const crash = (at: number, kind: Fault) =>
    Effect.gen(function*() {
      const filename = yield* newFile
      const posted = new Map<string, number>()
      const failing = faulty()
      const first = yield* Effect.gen(function*() {
        const create = Obj.create("receiver", ControllerId.make("local"))
        const [receiver, ledger] = yield* Avm.run(Effect.all([create, create]))
        const before = failing.count
        failing.fault = (n) => n - before === at ? kind : "none"
        const accepted: Array<number> = []
        for (const number of messages) {
          const sent = yield* Effect.exit(Avm.run(Obj.sendOnly(receiver, [number, ledger])))
          if (Exit.isSuccess(sent)) accepted.push(number)
        }
        yield* Effect.exit(Turns.settle)
        return { accepted, receiver, ledger, count: failing.count - before }
      }).pipe(Effect.provide(platform(filename, posted)), withDriver(failing.driver))
      yield* Effect.gen(function*() {
        yield* Turns.settle
        const { accepted, ledger, receiver } = first
        for (const  of of[receiver, ledger]) {
          assert.deepStrictEqual(yield* stateOf(ObjectId.make(of.value)), accepted, `${kind} at ${at}`)
        }
        assert.deepStrictEqual([...posted.values()].sort(), accepted, `${kind} at ${at}`)
        assert.deepStrictEqual(yield* (yield* Mailboxes.Mailboxes).outputs, [])
      }).pipe(Effect.provide(platform(filename, posted)))
      return first.count
    }).pipe(Effect.scoped)

  for (const kind of ["fails", "done and fails"] as const) {
    it.live(`neither loses nor repeats a message (${kind})`, () =>
      Effect.gen(function*() {
        const count = yield* crash(0, "none")
        assert.isAbove(count, 40)
        for (let at = 1; at <= count; at++) yield* crash(at, kind)
      }), 30_000)
  }
})
