/**
 * Rules that no vector reaches: two programs that conflict, replicas that are replayed, frames that end in odd ways.
 */
import {
  Controller,
  ControllerId,
  FD,
  Introspect,
  Machine,
  MachineId,
  Obj,
  ObjectId,
  Reflect,
  Tx,
  TxId
} from "@effect-avm/core"
import { Behaviours, Model, Observation, Script } from "@effect-avm/testkit"
import * as Either from "effect/Either"
import * as Option from "effect/Option"
import { assert, describe, it } from "vitest"

const C1 = ControllerId.make("C1")
const C2 = ControllerId.make("C2")
const m1 = MachineId.make("m1")

describe("conflicts", () => {
  it("a state that was read has changed (A34)", () => {
    const { a, b, o } = pair("counter")
    const tx = a.did(Tx.begin(C1))
    a.did(Obj.call(o, "hi"))
    b.did(Obj.call(o, "hi"))
    assert.deepStrictEqual(a.failed(Tx.commit(tx)), { _tag: "TxConflict", tx, objects: [o] })
    assert.strictEqual(a.failed(Tx.commit(tx))._tag, "TxAlreadyAborted")
    assert.deepStrictEqual(b.did(Obj.call(o, "hi")), Option.some(2))
  })

  it("a state that was only written has not (A34)", () => {
    const { a, b, o } = pair("cell")
    const tx = a.did(Tx.begin(C1))
    a.did(Obj.call(o, ["set", 1]))
    b.did(Obj.call(o, ["set", 2]))
    assert.isTrue(a.did(Tx.commit(tx)))
    assert.deepStrictEqual(b.did(Obj.call(o, "get")), Option.some([1]))
  })

  it("reading a controller does not mind a setState (A34)", () => {
    const { a, b, o } = pair("cell")
    const tx = a.did(Tx.begin())
    a.did(Controller.getController(o))
    a.did(Obj.create("cell"))
    b.did(Obj.call(o, ["set", 2]))
    assert.isTrue(a.did(Tx.commit(tx)))
  })

  it("a transaction that changes nothing commits unvalidated (A17)", () => {
    const { a, b, o } = pair("cell")
    const tx = a.did(Tx.begin())
    a.did(Controller.getController(o))
    b.did(Controller.transfer(o, C2))
    assert.isTrue(a.did(Tx.commit(tx)))
  })

  it("write skew is one", () => {
    const { a, b, o } = pair("cell")
    const p = b.did(Obj.create("cell", C1))
    const [ta, tb] = [a.did(Tx.begin(C1)), b.did(Tx.begin(C1))]
    a.did(Obj.call(o, "get"))
    b.did(Obj.call(p, "get"))
    a.did(Obj.call(p, ["set", "a"]))
    b.did(Obj.call(o, ["set", "b"]))
    assert.isTrue(a.did(Tx.commit(ta)))
    assert.deepStrictEqual(b.failed(Tx.commit(tb)), { _tag: "TxConflict", tx: tb, objects: [p] })
  })

  it("phantoms are, by the answer alone (A24)", () => {
    const { a, b, o } = pair("cell")
    const ofC1 = Reflect.scryMeta(({ currentController }) => Option.contains(currentController, C1))
    const first = a.did(Tx.begin(C1))
    assert.strictEqual(a.did(ofC1).length, 1)
    a.did(Obj.create("cell"))
    b.did(Obj.create("cell", C2))
    assert.isTrue(a.did(Tx.commit(first)))
    const second = a.did(Tx.begin(C1))
    assert.strictEqual(a.did(ofC1).length, 2)
    a.did(Obj.create("cell"))
    const phantom = b.did(Obj.create("cell", C1))
    b.did(Machine.moveObject(o, m1))
    assert.deepStrictEqual(a.failed(Tx.commit(second)), { _tag: "TxConflict", tx: second, objects: [o, phantom] })
  })
})

describe("replicas", () => {
  it("are pending in a transaction, and calls in it pass them by (A25)", () => {
    const { a, o } = pair("counter")
    a.did(Machine.teleport(m1))
    const tx = a.did(Tx.begin(C1))
    a.did(Machine.fetch(o))
    a.did(Obj.call(o, "hi"))
    assert.isTrue(a.did(Tx.commit(tx)))
    // The replica has the state of the moment of the fetch.
    assert.deepStrictEqual(a.did(Obj.call(o, "hi")), Option.some(1))
    assert.deepStrictEqual(a.did(Controller.freeze(o)), Option.some(true))
    assert.deepStrictEqual(a.did(Obj.call(o, "hi")), Option.some(3))
  })

  it("replay their inputs without doing again what they did to others (A26)", () => {
    const { a, o } = pair("counter")
    const f = a.did(Obj.create("forwarder", C1))
    a.did(Machine.teleport(m1))
    a.did(Machine.fetch(f))
    a.did(Obj.call(f, [o, "hi"]))
    a.did(Controller.freeze(f))
    assert.deepStrictEqual(a.did(Obj.call(o, "hi")), Option.some(2))
    assert.deepStrictEqual(a.object(f)?.history.map(({ input }) => input), [[o, "hi"]])
  })

  it("fail to when they would ask something else, and then nothing is changed (A26)", () => {
    const { a } = pair("counter")
    const s = a.did(Obj.create("stateCaller", C1))
    a.did(Machine.teleport(m1))
    a.did(Machine.fetch(s))
    a.did(Obj.call(s, "there"))
    a.did(Machine.teleport(MachineId.make("m0")))
    a.did(Obj.call(s, "here"))
    const before = a.object(s)
    assert.deepStrictEqual(a.failed(Controller.freeze(s)), { _tag: "FreezeFailed", id: s })
    assert.deepStrictEqual(a.object(s), before)
  })

  it("are read by who fetches where there is none (A21)", () => {
    const { a, b, o } = pair("counter")
    for (const program of [a, b]) program.did(Machine.teleport(m1))
    const tx = a.did(Tx.begin())
    a.did(Machine.fetch(o))
    b.did(Machine.fetch(o))
    b.did(Obj.call(o, "hi"))
    assert.deepStrictEqual(a.failed(Tx.commit(tx)), { _tag: "TxConflict", tx, objects: [o] })
    const again = a.did(Tx.begin())
    a.did(Machine.fetch(o))
    b.did(Obj.call(o, "hi"))
    assert.isTrue(a.did(Tx.commit(again)))
    assert.deepStrictEqual(b.did(Obj.call(o, "hi")), Option.some(3))
  })

  it("disappear where the object goes, and with it (A25)", () => {
    const { a, o } = pair("counter")
    a.did(Machine.teleport(m1))
    a.did(Machine.fetch(o))
    a.did(Obj.call(o, "hi"))
    a.did(Machine.moveObject(o, m1))
    assert.strictEqual(a.object(o)?.replicas.size, 0)
    assert.deepStrictEqual(a.did(Obj.call(o, "hi")), Option.some(1))
  })
})

describe("frames", () => {
  it("lose a transaction they leave open, and fail (D15, A14)", () => {
    const { a } = pair("counter")
    const opener = a.did(Obj.create("txOpener", C1))
    assert.deepStrictEqual(a.failed(Obj.call(opener, "hi")), { _tag: "InvalidDuringTx", what: "beginTx" })
    assert.deepStrictEqual(a.tags().slice(-2), ["TransactionStarted", "TransactionAborted"])
    assert.strictEqual(a.failed(Tx.commit(TxId.make("t1")))._tag, "TxAlreadyAborted")
  })

  it("have no state any more when their object is gone (A7), and keep no history (D4)", () => {
    const { a } = pair("counter")
    const suicide = a.did(Obj.create("suicide", C1))
    assert.strictEqual(a.failed(Obj.call(suicide, "hi"))._tag, "ContextUnavailable")
    assert.isUndefined(a.object(suicide))
    assert.strictEqual(a.failed(Obj.call(suicide, "hi"))._tag, "ObjectNotFound")
    assert.strictEqual(a.failed(Obj.destroy(suicide))._tag, "ObjectAlreadyDestroyed")
  })

  it("enter the history however they end, but for a refusal (D7)", () => {
    const { a } = pair("counter")
    const picky = a.did(Obj.create("picky"))
    a.did(Obj.call(picky, 1))
    assert.deepStrictEqual(a.failed(Obj.call(picky, "no")), { _tag: "ObjectRejectedCall", id: picky, input: "no" })
    assert.deepStrictEqual(a.failed(Obj.callAs("other", picky, 2)), { _tag: "InvalidInput", id: picky, input: 2 })
    const failing = a.did(Obj.create("failAfterSet"))
    assert.strictEqual(a.failed(Obj.call(failing, "boo"))._tag, "ObjectNotFound")
    assert.deepStrictEqual(a.object(picky)?.history.map(({ input }) => input), [1])
    assert.deepStrictEqual(a.object(failing)?.history.map(({ input }) => input), ["boo"])
    assert.deepStrictEqual(a.object(failing)?.state, ["dirty"])
  })
})

describe("creations", () => {
  it("that are refused spend an id (A13)", () => {
    const { a } = pair("counter")
    a.did(Tx.begin(C1))
    assert.deepStrictEqual(a.failed(Obj.create("counter", C2)), {
      _tag: "CrossControllerTx",
      id: ObjectId.make("o4"),
      controller: C2
    })
    assert.deepStrictEqual(a.did(Obj.create("counter")), ObjectId.make("o5"))
  })

  it("of a deferred transaction get the controller it resolved to (D1, A33)", () => {
    const { a, o } = pair("counter")
    const tx = a.did(Tx.begin())
    const orphan = a.did(Obj.create("cell"))
    a.did(Obj.call(o, "hi"))
    a.did(Tx.commit(tx))
    assert.deepStrictEqual(a.object(orphan)?.metadata.creatingController, Option.some(C1))
  })

  it("that are destroyed again never come to be", () => {
    const { a } = pair("counter")
    const tx = a.did(Tx.begin(C1))
    const brief = a.did(Obj.create("counter"))
    a.did(Obj.destroy(brief))
    assert.deepStrictEqual(a.did(Obj.call(brief, "hi")), Option.some(1))
    a.did(Tx.commit(tx))
    assert.strictEqual(a.failed(Obj.destroy(brief))._tag, "ObjectNotFound")
  })
})

describe("variables", () => {
  it("belong to their program (A23), and no two have one id", () => {
    const { a, b } = pair("counter")
    const [mine, theirs] = [a.did(FD.newVar(FD.values(1, 2))), b.did(FD.newVar(FD.values(3)))]
    assert.notStrictEqual(mine.id, theirs.id)
    assert.deepStrictEqual(b.failed(FD.label(mine)), { _tag: "UnknownVariable", var: mine.id })
    assert.strictEqual(b.did(FD.label(theirs)), 3)
  })
})

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

const picky: Script.Script = function*() {
  const input = yield* Script.ask(Introspect.input)
  return typeof input === "number" ? [] : yield* Script.reject()
}

/** What it asks of others depends on its state. */
const stateCaller: Script.Script = function*() {
  const state = yield* Script.ask(Introspect.getState)
  yield* Script.ask(Introspect.setState([yield* Script.ask(Introspect.input)]))
  yield* Script.attempt(Obj.call(Behaviours.missing, state))
  return []
}

/** An error as plain data. */
interface Failed {
  readonly _tag: string
  readonly [field: string]: unknown
}

/** Two programs in a world (o1, o2), and an object of C1 (o3). */
const pair = (behaviour: string) => {
  let world = Model.make({ behaviours: { ...Behaviours.behaviours, picky, stateCaller } })
  const actor = () => {
    const started = Model.start(world)
    world = started.world
    let session = started.session
    const step = (instruction: Script.Instruction) => {
      const next = Model.step(world, session, instruction)
      world = next.world
      session = next.session
      return next.outcome
    }
    return {
      did: <I extends Script.Instruction>(instruction: I): Script.Answer<I> =>
        // The model answers an instruction with what it answers.
        Either.getOrThrowWith(step(instruction), (error) => error) as Script.Answer<I>,
      failed: (instruction: Script.Instruction): Failed => {
        const outcome = step(instruction)
        return Either.isLeft(outcome)
          ? { ...outcome.left }
          : { _tag: `it answered ${Observation.print(outcome.right)}` }
      },
      object: (id: ObjectId.ObjectId) => world.store.objects.get(id.value),
      tags: (): ReadonlyArray<string> => session.trace.map(({ event }) => event._tag)
    }
  }
  const [a, b] = [actor(), actor()]
  return { a, b, o: a.did(Obj.create(behaviour, C1)) }
}
