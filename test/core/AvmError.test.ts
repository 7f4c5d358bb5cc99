/** Errors travel: to plain JSON and back to the same class. And the unions are those of SPEC.md, section 3. */
import { AvmError, ControllerId, MachineId, Obj, ObjectId, TxId, Val } from "@effect-avm/core"
import { assert, describe, it } from "@effect/vitest"
import { Data, Either, Equal, Schema } from "effect"
import { because } from "../../packages/core/src/internal/reasons.js"

const id = ObjectId.make("o1")
const tx = TxId.make("t1")
const machine = MachineId.make("m1")
const controller = ControllerId.make("C1")
const input: Val.Val = { to: ObjectId.make("o2"), big: 12n, bytes: new Uint8Array([0, 255]), list: [null, true, "$x"] }

/** SPEC.md, section 3: one of each, in its order. */
const specified: ReadonlyArray<readonly [tag: string, error: AvmError.AvmError]> = [
  ["ObjectNotFound", new AvmError.ObjectNotFound({ id })],
  ["ObjectAlreadyDestroyed", new AvmError.ObjectAlreadyDestroyed({ id })],
  ["ObjectAlreadyExists", new AvmError.ObjectAlreadyExists({ id })],
  ["InvalidInput", new AvmError.InvalidInput({ id, input })],
  ["ObjectRejectedCall", new AvmError.ObjectRejectedCall({ id, input })],
  ["MetadataCorruption", new AvmError.MetadataCorruption({ id })],
  ["BehaviourNotFound", new AvmError.BehaviourNotFound({ name: "nobody" })],
  ["InvalidVal", new AvmError.InvalidVal({ path: ["lines", 2, "price"], found: "function" })],
  ["CalleeFailed", new AvmError.CalleeFailed({ id, error: { _tag: "Refused", who: id, sum: 3n } })],
  ["MailboxFull", new AvmError.MailboxFull({ id })],
  ["ContextUnavailable", new AvmError.ContextUnavailable({ message: "no state" })],
  ["MetadataNotFound", new AvmError.MetadataNotFound({ id })],
  ["MetadataInconsistent", new AvmError.MetadataInconsistent({ id, message: "two owners" })],
  ["StoreCorruption", new AvmError.StoreCorruption({ message: "page 7" })],
  ["ScryPredicateFailed", new AvmError.ScryPredicateFailed({ message: "threw" })],
  ["ReflectionDenied", new AvmError.ReflectionDenied({ id })],
  ["ReifyContextFailed", new AvmError.ReifyContextFailed({ message: "no frame" })],
  ["NoTransactionToReify", new AvmError.NoTransactionToReify()],
  ["TxStateAccessDenied", new AvmError.TxStateAccessDenied()],
  ["ConstraintStoreUnavailable", new AvmError.ConstraintStoreUnavailable()],
  ["TxConflict", new AvmError.TxConflict({ tx, objects: [id, ObjectId.make("o2")] })],
  ["TxNotFound", new AvmError.TxNotFound({ tx })],
  ["TxAlreadyCommitted", new AvmError.TxAlreadyCommitted({ tx })],
  ["TxAlreadyAborted", new AvmError.TxAlreadyAborted({ tx })],
  ["NoActiveTx", new AvmError.NoActiveTx()],
  ["InvalidDuringTx", new AvmError.InvalidDuringTx({ what: "commitTx" })],
  ["NestedTxNotSupported", new AvmError.NestedTxNotSupported({ outer: tx })],
  ["FunctionNotFound", new AvmError.FunctionNotFound({ name: "f" })],
  ["FunctionAlreadyRegistered", new AvmError.FunctionAlreadyRegistered({ name: "f" })],
  ["VersionConflict", new AvmError.VersionConflict({ name: "f", expected: 1, actual: 2 })],
  ["MachineUnreachable", new AvmError.MachineUnreachable({ machine })],
  ["InvalidMachineTransfer", new AvmError.InvalidMachineTransfer({ id, machine })],
  ["TeleportDuringTx", new AvmError.TeleportDuringTx()],
  ["ControllerUnreachable", new AvmError.ControllerUnreachable({ controller })],
  ["UnauthorizedTransfer", new AvmError.UnauthorizedTransfer({ id, controller })],
  ["CrossControllerTx", new AvmError.CrossControllerTx({ id, controller })],
  ["ObjectNotAvailable", new AvmError.ObjectNotAvailable({ id })],
  ["ObjectNotConsistent", new AvmError.ObjectNotConsistent({ id })],
  ["FreezeFailed", new AvmError.FreezeFailed({ id })],
  ["ObjectHasNoController", new AvmError.ObjectHasNoController({ id })],
  ["EmptyDomain", new AvmError.EmptyDomain({ var: "v1" })],
  ["UnknownVariable", new AvmError.UnknownVariable({ var: "v1" })],
  ["InvalidConstraint", new AvmError.InvalidConstraint({ message: "no such relation" })],
  ["NoChoices", new AvmError.NoChoices()],
  ["Unsatisfiable", new AvmError.Unsatisfiable({ tx, requirements: ["a", "b"] })],
  ["StoreError", new AvmError.StoreError({ cause: new Error("disk full") })]
]

const encode = Schema.encodeSync(AvmError.AvmError)
const decode = Schema.decodeUnknownEither(AvmError.AvmError)

const throughJson = (error: AvmError.AvmError): AvmError.AvmError =>
  Either.getOrThrow(decode(JSON.parse(JSON.stringify(encode(error)))))

/** What an error carries. */
const payloadOf = (error: AvmError.AvmError): Record<string, unknown> => {
  const { _tag, ...payload } = { ...error }
  return payload
}

const sampleOf = (tag: string): AvmError.AvmError => {
  const sample = specified.find((_) => _[0] === tag)
  assert(sample !== undefined)
  return sample[1]
}

/** The ids and names that an error carries. */
const wordsOf = (error: object): ReadonlyArray<string> =>
  Object.entries(error).flatMap(([field, value]): ReadonlyArray<string> => {
    if (field === "_tag" || field === "path") return []
    if (typeof value === "string" && field !== "what") return [value]
    if (Array.isArray(value)) return value.map((part) => ObjectId.isObjectId(part) ? part.value : String(part))
    return ObjectId.isObjectId(value) ? [value.value] : []
  })

const same = (self: unknown, that: unknown): boolean =>
  Equal.equals(self, that) || (Val.isVal(self) && Val.isVal(that) && Val.equals(self, that))

describe("AvmError", () => {
  for (const [tag, error] of specified) {
    it(`${tag} survives JSON, with class and payload`, () => {
      const back = throughJson(error)
      assert.strictEqual(error._tag, tag)
      assert.strictEqual(back._tag, tag)
      assert.strictEqual(Object.getPrototypeOf(back), Object.getPrototypeOf(error))
      assert.instanceOf(back, Error)
      const [before, after] = [payloadOf(error), payloadOf(back)]
      assert.sameMembers(Object.keys(after), Object.keys(before))
      if (error._tag === "StoreError") return
      for (const [field, value] of Object.entries(before)) {
        assert.isTrue(same(after[field], value), `${field}: ${String(after[field])} is not ${String(value)}`)
      }
    })
  }

  it("says in a sentence what is wrong, and names every id it carries", () => {
    const known: ReadonlyArray<readonly [tag: string, error: Error]> = [...specified, [
      "ChoicesUndecided",
      new AvmError.ChoicesUndecided({ tx, limit: "nodes", runs: 3, nodes: 100 })
    ]]
    for (const [tag, error] of known) {
      const { message } = error
      // What was given as the message is the message.
      if (Object.hasOwn(error, "message")) continue
      assert.match(message, /^\w+ \S+/, tag)
      assert.isBelow(message.length, 160, tag)
      for (const word of wordsOf(error)) assert.include(message.split(/[^\w-]+/), word, `${tag}: ${message}`)
    }
    assert.strictEqual(
      new AvmError.CrossControllerTx({ id, controller }).message,
      "o1 belongs to C1, not to the controller of the transaction"
    )
    assert.strictEqual(
      String(new AvmError.BehaviourNotFound({ name: "nobody" })),
      "nobody: no behaviour nobody is registered with the machine"
    )
  })

  it("cuts what is long in the sentence, and makes one whatever the fields are", () => {
    const long = new AvmError.ObjectRejectedCall({ id, input: ["Add", "\u{1f600}".repeat(1000)] })
    assert.isBelow(long.message.length, 140)
    assert.notMatch(long.message, /[\ud800-\udbff](?![\udc00-\udfff])/)
    assert.strictEqual(new AvmError.ObjectRejectedCall({ id, input: "" }).message, `o1 rejected ""`)
    const objects = Array.from({ length: 12 }, (_, n) => ObjectId.make(`o${n}`))
    assert.include(new AvmError.TxConflict({ tx, objects }).message, "o0, o1, o2, o3, o4 and 7 more")
    for (const [tag, { constructor }] of specified) {
      for (const field of [undefined, null, 7, Object.create(null), { id: () => 1 }, "\ud800"]) {
        const fields = Object.fromEntries(Object.keys(payloadOf(sampleOf(tag))).map((key) => [key, field]))
        // Whatever the fields are: as somebody might make one who is not held to their types.
        const odd = Object.assign(Object.create(constructor.prototype), fields) as Error
        if (!Object.hasOwn(odd, "message") && tag !== "InvalidVal") assert.isString(odd.message, tag)
      }
    }
  })

  it("knows more of InvalidInput than it carries: the reason is no field, and is lost on the way", () => {
    const error = because(new AvmError.InvalidInput({ id, input: ["Add", 1] }), () => "no such message")
    assert.strictEqual(error.message, `o1 cannot take ["Add",1]: no such message`)
    assert.isTrue(Equal.equals(error.id, id))
    assert.sameMembers(Object.getOwnPropertyNames(error).filter((_) => _ !== "stack"), ["id", "input", "_tag"])
    assert.strictEqual(throughJson(error).message, `o1 cannot take ["Add",1]`)
  })

  it("is encoded to plain JSON under its tag", () => {
    for (const [tag, error] of specified) {
      const json = JSON.parse(JSON.stringify(encode(error)))
      assert.deepStrictEqual(json, encode(error), `${tag} is not plain JSON`)
      assert.strictEqual(json._tag, tag)
    }
  })

  it("StoreError keeps name and message of its cause, and what is data as it is", () => {
    const back = throughJson(new AvmError.StoreError({ cause: new TypeError("disk full") }))
    assert(back._tag === "StoreError" && back.cause instanceof Error)
    assert.deepStrictEqual([back.cause.name, back.cause.message], ["TypeError", "disk full"])
    const data = throughJson(new AvmError.StoreError({ cause: "SQLITE_FULL" }))
    assert(data._tag === "StoreError")
    assert.strictEqual(data.cause, "SQLITE_FULL")
  })

  it("Unsatisfiable outside a transaction has no transaction (A23)", () => {
    const error = new AvmError.Unsatisfiable({ requirements: ["x"] })
    assert.deepStrictEqual(JSON.parse(JSON.stringify(encode(error))), { _tag: "Unsatisfiable", requirements: ["x"] })
    const back = throughJson(error)
    assert(back._tag === "Unsatisfiable" && back.tx === undefined)
    assert.deepStrictEqual(back.requirements, ["x"])
  })

  it("has the members of the specification, and no other", () => {
    const { ast } = AvmError.AvmError
    assert(ast._tag === "Union")
    assert.strictEqual(ast.types.length, specified.length)
    assert.strictEqual(new Set(specified.map(([tag]) => tag)).size, specified.length)
    const exported = Object.entries(AvmError).flatMap(([name, value]) =>
      typeof value === "function" && value.prototype instanceof Error ? [name] : []
    )
    // What only brackets with limits fail with is beside them.
    assert.sameMembers(exported, [...specified.map(([tag]) => tag), "ChoicesUndecided"])
  })

  it("refuses what is no error, or not whole", () => {
    const others: ReadonlyArray<unknown> = [
      null,
      {},
      "ObjectNotFound",
      { _tag: "ObjectNotFound" },
      { _tag: "ObjectNotFound", id: 7 },
      { _tag: "VersionConflict", name: "f", expected: 1.5, actual: 2 },
      { _tag: "Refused", id: "o1" }
    ]
    for (const other of others) assert.isTrue(Either.isLeft(decode(other)), JSON.stringify(other))
  })
})

class Refused extends Schema.TaggedError<Refused>()("Refused", { id: ObjectId.ObjectId }) {}

/** An application's error under a tag of the machine's. */
class NotFound extends Data.TaggedError("ObjectNotFound")<{ readonly id: ObjectId.ObjectId }> {}

describe("guards", () => {
  it("isAvmError tells the machine's errors from an application's, also from one of the same tag", () => {
    for (const [tag, error] of specified) assert.isTrue(AvmError.isAvmError(error), tag)
    const others = [new Refused({ id }), new NotFound({ id }), new Error("ObjectNotFound"), undefined, {
      _tag: "NoActiveTx"
    }]
    for (const other of others) assert.isFalse(AvmError.isAvmError(other), String(other))
  })

  it("isCallError is true of what any call can fail with, and of nothing else", () => {
    assert.deepStrictEqual(specified.filter(([, error]) => Obj.isCallError(error)).map(([tag]) => tag), [
      "ObjectNotFound",
      "InvalidInput",
      "ObjectRejectedCall",
      "BehaviourNotFound",
      "MailboxFull",
      "ContextUnavailable",
      "InvalidDuringTx",
      "MachineUnreachable",
      "ControllerUnreachable",
      "CrossControllerTx",
      "ObjectHasNoController",
      "StoreError"
    ])
    assert.isFalse(Obj.isCallError(new NotFound({ id })))
    assert.isFalse(Obj.isCallError(new Refused({ id })))
  })
})
