/** Instructions as values: printed, compared, encoded, run. */
import {
  Avm,
  AvmError,
  Constraint,
  Controller,
  ControllerId,
  FD,
  Instr,
  InstructionSet,
  Introspect,
  Machine,
  MachineId,
  Nondet,
  Obj,
  ObjectId,
  Pure,
  Reflect,
  Reify,
  TraceEvent,
  Tx,
  TxId
} from "@effect-avm/core"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Equal, Exit, Hash, Option, Schema, STM } from "effect"

const id = ObjectId.make("o1")
const c = ControllerId.make("C1")
const m = MachineId.make("m1")
const t = TxId.make("t1")

const serializable: ReadonlyArray<readonly [InstructionSet.Serializable, string, unknown]> = [
  [Obj.create("echo"), "Obj.create(echo, none)", id],
  [Obj.create("echo", c), "Obj.create(echo, C1)", id],
  [Obj.destroy(id), "Obj.destroy(o1)", true],
  [
    Obj.call(id, { n: [1n, null] }),
    "Obj.call(o1, {\"n\":[{\"$bigint\":\"1\"},null]})",
    Option.some(new Uint8Array([1, 2]))
  ],
  [Obj.callAs("Account", id, 1), "Obj.call(o1, 1, Account)", Option.none()],
  [Obj.receive, "Obj.receive()", Option.some("hello")],
  [Obj.send(id, "hello"), "Obj.send(o1, \"hello\")", Obj.eventual(id)],
  [Obj.send(id, 1, { key: "k", behaviour: "Account" }), "Obj.send(o1, 1, Account, k)", Obj.eventual(id)],
  [Obj.sendOnly(id, 1), "Obj.sendOnly(o1, 1)", undefined],
  // The machine's own promises wait, and forward, by instructions.
  [Obj.eventual(id).await as Obj.Await, "Obj.await(o1)", Option.none()],
  [Obj.eventual(id).onBroken(id, "Failed") as Obj.Forward, "Obj.forward(o1, broken, o1, Failed)", undefined],
  [Obj.emit("mail", "hi"), "Obj.emit(mail, \"hi\", none)", undefined],
  [Introspect.self, "Introspect.self()", id],
  [Introspect.input, "Introspect.input()", [id]],
  [Introspect.sender, "Introspect.sender()", Option.some(id)],
  [Introspect.currentMachine, "Introspect.currentMachine()", m],
  [Introspect.getState, "Introspect.getState()", { a: true }],
  [Introspect.setState([1]), "Introspect.setState([1])", undefined],
  [Reflect.reflect(id), "Reflect.reflect(o1)", Option.none()],
  [Reify.context, "Reify.context()", {
    self: id,
    input: null,
    sender: Option.none(),
    machine: m,
    controller: Option.some(c)
  }],
  [Reify.txState, "Reify.txState()", Option.none()],
  [Reify.constraints, "Reify.constraints()", { variables: [], constraints: [] }],
  [Tx.begin(), "Tx.begin(none)", t],
  [Tx.commit(t), "Tx.commit(t1)", true],
  [Tx.abort(t), "Tx.abort(t1)", undefined],
  [Tx.retry, "Tx.retry()", undefined],
  [Tx.join(c), "Tx.join(C1)", Option.some(t)],
  [Pure.call("f", [1]), "Pure.call(f, [1])", Option.some(2)],
  [Machine.getMachine(id), "Machine.getMachine(o1)", Option.some(m)],
  [Machine.teleport(m), "Machine.teleport(m1)", true],
  [Machine.moveObject(id, m), "Machine.moveObject(o1, m1)", true],
  [Machine.fetch(id), "Machine.fetch(o1)", false],
  [Controller.current, "Controller.current()", Option.none()],
  [Controller.getController(id), "Controller.getController(o1)", Option.some(c)],
  [Controller.transfer(id, c), "Controller.transfer(o1, C1)", true],
  [Controller.freeze(id), "Controller.freeze(o1)", Option.some(true)],
  [FD.newVar(FD.range(1, 3)), "FD.newVar(1..3)", FD.variable("v1")],
  [FD.narrow(FD.variable("v1"), FD.values(1, 2)), "FD.narrow(v1, 2 values)", true],
  [FD.post(Constraint.lt(FD.variable<number>("v1"), 3)), "FD.post(v1 < 3)", true],
  [FD.label(FD.variable("v1")), "FD.label(v1)", 2],
  [Nondet.choose(["a", "b"]), `Nondet.choose(["a","b"])`, "a"],
  [Nondet.require(true), "Nondet.require(true)", undefined]
]

const unserializable: ReadonlyArray<readonly [Instr.Any, string]> = [
  [Tx.enlist(STM.void), "Tx.enlist(<STM>)"],
  [Reflect.scryMeta(() => true), "Reflect.scryMeta(<function>)"],
  [Reflect.scryDeep(() => true), "Reflect.scryDeep(<function>)"],
  [Pure.register("f", () => Option.none()), "Pure.register(f, <function>)"],
  [Pure.update("f", () => Option.none()), "Pure.update(f, <function>, {})"]
]

const json = (u: unknown): unknown => JSON.parse(JSON.stringify(u) ?? "null")

describe("instructions", () => {
  for (const [instruction, shown, answer] of serializable) {
    it(`${shown} is printed, and survives JSON with its answer`, () => {
      assert.isTrue(Instr.isInstr(instruction) && Effect.isEffect(instruction))
      assert.strictEqual(Instr.format(instruction), shown)
      const encoded = json(Schema.encodeSync(InstructionSet.Serializable)(instruction))
      const decoded = Schema.decodeUnknownSync(InstructionSet.Serializable)(encoded)
      assert.isTrue(Equal.equals(decoded, instruction))
      assert.strictEqual(Hash.hash(decoded), Hash.hash(instruction))
      const schema = Option.getOrThrow(Instr.answerSchema(instruction))
      const there = Schema.encodeSync(schema)(answer)
      const back = Schema.decodeUnknownSync(schema)(there === undefined ? undefined : json(there))
      assert.deepStrictEqual(Schema.encodeSync(schema)(back), there)
    })
  }

  for (const [instruction, shown] of unserializable) {
    it(`${shown} has a function among its arguments, and no codec`, () => {
      assert.strictEqual(Instr.format(instruction), shown)
      assert.isTrue(Option.isNone(Instr.argsSchema(instruction)))
      assert.isTrue(Exit.isFailure(Effect.runSyncExit(Schema.encodeUnknown(InstructionSet.Serializable)(instruction))))
    })
  }

  it("every instruction is in one of the two lists", () => {
    const listed = new Set([...serializable, ...unserializable].map(([instruction]) => instruction._tag))
    assert.sameMembers([...listed], InstructionSet.definitions.map((definition) => definition.tag))
  })

  it("different arguments make different instructions", () => {
    assert.isFalse(Equal.equals(Obj.call(id, 1), Obj.call(id, 2)))
    assert.isFalse(Equal.equals(Obj.call(id, 1), Obj.callAs("Account", id, 1)))
    assert.isFalse(Equal.equals(Tx.commit(t), Tx.abort(t)))
  })

  it("what is no instruction does not decode", () => {
    for (const bad of [null, {}, { _tag: "Obj.fly", args: {} }, { _tag: "Obj.destroy", args: { id: 1 } }]) {
      assert.isTrue(
        Exit.isFailure(Effect.runSyncExit(Schema.decodeUnknown(InstructionSet.Serializable)(bad))),
        String(bad)
      )
    }
  })

  it("one value runs as often as it is yielded", async () => {
    const current = Introspect.self
    const program = Effect.gen(function*() {
      const [a, b] = [yield* current, yield* current]
      return Equal.equals(a, b)
    })
    assert.isTrue(await Effect.runPromise(Avm.run(program).pipe(Effect.provide(Avm.layerMemory))))
  })
})

describe("trace events", () => {
  it("survive JSON, also with an application's own error in them", () => {
    const entry = (event: TraceEvent.TraceEvent) =>
      new TraceEvent.TraceEntry({ timestamp: 1, event, executingController: Option.some(c) })
    const entries = [
      entry(new TraceEvent.ObjectCalled({ id, input: { big: 1n }, output: Option.some([id]) })),
      entry(new TraceEvent.ErrorOccurred({ error: new AvmError.ObjectNotFound({ id }) })),
      entry(new TraceEvent.ErrorOccurred({ error: { _tag: "Mine", when: new Date(0), why: "because" } }))
    ]
    const encoded = entries.map((_) => Schema.encodeSync(TraceEvent.TraceEntry)(_))
    const decoded = encoded.map((_) => Schema.decodeUnknownSync(TraceEvent.TraceEntry)(json(_)))
    assert.deepStrictEqual(decoded.map((_) => Schema.encodeSync(TraceEvent.TraceEntry)(_)), encoded)
    const failure = decoded[1]?.event
    assert(failure?._tag === "ErrorOccurred" && failure.error instanceof AvmError.ObjectNotFound)
    const own = decoded[2]?.event
    assert(own?._tag === "ErrorOccurred")
    assert.deepStrictEqual(own.error, { _tag: "Mine", why: "because" })
  })
})
