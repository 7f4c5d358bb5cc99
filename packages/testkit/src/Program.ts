/**
 * Generated programs over all families but those of constraints: plain data that shrinks, prints, and runs on the model and on the
 * machine alike.
 *
 * The weights make the interesting things likely: transactions of one controller that are finished, objects that run
 * scripts of their own, replicas that diverge, ids that are gone. Pinned by `test/conformance/Program.test.ts`.
 *
 * @since 0.1.0
 */
import type { Val } from "@effect-avm/core"
import * as fc from "fast-check"
import * as Behaviours from "./Behaviours.js"
import type * as Model from "./Model.js"
import type { Script } from "./Script.js"
import * as Steps from "./Steps.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

/**
 * The platform, and what is done on it.
 *
 * @since 0.1.0
 * @category models
 */
export interface Program {
  readonly home: string | null
  readonly unreachable: { readonly machines: ReadonlyArray<string>; readonly controllers: ReadonlyArray<string> }
  readonly steps: ReadonlyArray<Steps.Step>
}

/**
 * @since 0.1.0
 * @category models
 */
export interface Options {
  /** At most so many steps; 40 if absent. */
  readonly maxSteps?: number
  /** Without, nobody is cut off or comes back while the program runs. */
  readonly toggles?: boolean
}

/**
 * Everything that generated programs call, to be registered with whatever runs them.
 *
 * @since 0.1.0
 * @category behaviours
 */
export const behaviours: Readonly<Record<string, Script>> = { ...Behaviours.behaviours, script: Steps.script }

/**
 * @since 0.1.0
 * @category constants
 */
export const controllers: ReadonlyArray<string> = ["C1", "C2", "C3"]

/**
 * @since 0.1.0
 * @category constants
 */
export const machines: ReadonlyArray<string> = ["m0", "m1", "m2"]

// ---------------------------------------------------------------------------
// conversions
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category conversions
 */
export const toScript = (program: Program): Script => Steps.toScript(program.steps)

/**
 * The world in which the model runs it.
 *
 * @since 0.1.0
 * @category conversions
 */
export const toOptions = ({ home, unreachable }: Program): Model.Options => ({
  behaviours,
  home: home ?? undefined,
  unreachable
})

// ---------------------------------------------------------------------------
// arbitraries
// ---------------------------------------------------------------------------

/**
 * @since 0.1.0
 * @category arbitraries
 */
export const arbitrary = ({ maxSteps = 40, toggles = true }: Options = {}): fc.Arbitrary<Program> => {
  const step = toggles ? weighted([40, stepOf(3)], [1, toggle]) : stepOf(3)
  const segment = weighted<ReadonlyArray<Steps.Step>>(
    [12, fc.tuple(step)],
    [2, fc.tuple(creation)],
    [3, transactionOf(step)],
    [1, replication],
    [2, conversation]
  )
  return fc.record({
    home: weighted<string | null>([2, fc.constant(null)], [1, fc.constant("C1")]),
    unreachable: weighted(
      [6, fc.constant<Program["unreachable"]>({ machines: [], controllers: [] })],
      [
        1,
        fc.record({
          machines: fc.subarray([...machines].slice(1)),
          controllers: fc.subarray([...controllers].slice(1))
        })
      ]
    ),
    steps: fc.tuple(
      fc.array(creation, { maxLength: 3 }),
      fc.array(segment, { minLength: 1, maxLength: maxSteps, size: "max" })
    ).map(([creations, segments]) => {
      const steps = [...creations, ...segments.flat()]
      return steps.slice(0, maxSteps)
    })
  })
}

// ---------------------------------------------------------------------------
// leaves
// ---------------------------------------------------------------------------

const weighted = <A>(...choices: ReadonlyArray<readonly [weight: number, arbitrary: fc.Arbitrary<A>]>) =>
  fc.oneof(...choices.map(([weight, arbitrary]) => ({ weight, arbitrary })))

const oneOf = <const A extends string>(...names: ReadonlyArray<A>): fc.Arbitrary<A> => fc.constantFrom(...names)

/** Recent things are referred to more often. */
const position = weighted([6, fc.nat(2)], [3, fc.nat(6)], [1, fc.nat(20)])

const object = weighted<Steps.ObjectRef>([18, position], [2, fc.constant("self")], [1, fc.constant("missing")])

const promise: fc.Arbitrary<Steps.ObjectRef> = weighted([3, fc.constant(0)], [1, fc.nat(2)]).map((promise) => ({
  promise
}))

const receiver = weighted<Steps.ObjectRef>([4, object], [1, promise])

const tx = weighted<Steps.TxRef>([8, fc.constant(0)], [2, fc.nat(3)], [1, fc.constant("unknown")])

const controller = weighted([6, fc.constant("C1")], [2, fc.constant("C2")], [1, fc.constant("C3")])

const machine = fc.constantFrom(...machines)

const optional = <A>(arbitrary: fc.Arbitrary<A>) => weighted<A | null>([1, arbitrary], [1, fc.constant(null)])

const plain: fc.Arbitrary<Val.Val> = fc.oneof(
  fc.nat(3),
  oneOf("hi", "get", "m1", ""),
  fc.constant(null),
  fc.boolean(),
  fc.bigInt(-5n, 5n),
  fc.constant(new Uint8Array([1, 2])),
  fc.array(fc.nat(3), { maxLength: 2 }),
  fc.record({ a: fc.nat(3) }),
  fc.tuple(oneOf("set"), fc.nat(9))
)

const predicate: fc.Arbitrary<Steps.ScryPredicate> = fc.record({
  test: weighted<Steps.ScryPredicate["test"]>(
    [9, oneOf("all", "none", "controller", "machine", "behaviour")],
    [1, oneOf("throws")]
  ),
  name: oneOf("C1", "C2", "m0", "m1", "script", "counter")
})

/** Scripts most of all: they do what the program says. The others each have a point of their own. */
const behaviour = weighted(
  [10, oneOf("script")],
  [4, oneOf("counter", "cell")],
  [6, fc.constantFrom(...Object.keys(Behaviours.behaviours))],
  [1, oneOf("nobody")]
)

const pureName = weighted([3, fc.constant("f")], [1, fc.constant("g")])

const pureFunction = oneOf("inc1", "inc2", "sum", "never")

// ---------------------------------------------------------------------------
// steps
// ---------------------------------------------------------------------------

/** Tried rather than done, mostly: a failure ends the program. */
const attempted = weighted([30, fc.constant(true)], [1, fc.constant(false)])

const step = <const Op extends string, A extends object>(
  op: Op | fc.Arbitrary<Op>,
  fields: { [K in keyof A]: fc.Arbitrary<A[K]> }
) =>
  fc.tuple(typeof op === "string" ? fc.constant(op) : op, fc.record(fields), attempted)
    .map(([op, fields, attempt]) => ({ op, ...fields, attempt }))

const bare = <const Op extends string>(...ops: ReadonlyArray<Op>) =>
  fc.record({ op: oneOf(...ops), attempt: attempted })

const messageOf = (depth: number): fc.Arbitrary<Steps.Message> =>
  weighted<Steps.Message>(
    [depth > 0 ? 8 : 0, depth > 0 ? scriptOf(depth) : fc.constant({ kind: "script", steps: [] })],
    [8, fc.record({ kind: oneOf("fit"), first: position, second: position })],
    [4, fc.record({ kind: oneOf("plain"), value: plain })],
    [2, fc.record({ kind: oneOf("answer"), answer: position })],
    [1, fc.record({ kind: oneOf("object"), object })],
    [1, fc.constant({ kind: "invalid" })]
  )

const scriptOf = (depth: number): fc.Arbitrary<Steps.Message> => {
  const step = stepOf(depth - 1)
  const ending = weighted<ReadonlyArray<Steps.Step>>(
    [12, fc.constant([])],
    [1, fc.constant([{ op: "reject" }])],
    [1, fc.constant([{ op: "finish", how: "nothing" }])],
    [1, fc.constant([{ op: "finish", how: "invalid" }])]
  )
  const body = weighted<ReadonlyArray<Steps.Step>>([5, fc.array(step, { maxLength: 5 })], [1, transactionOf(step)])
  return fc.tuple(body, ending).map(([body, ending]) => ({ kind: "script", steps: [...body, ...ending] }))
}

const stepOf = (depth: number): fc.Arbitrary<Steps.Step> =>
  weighted<Steps.Step>(
    [8, creation],
    [4, step("destroy", { object })],
    [depth > 0 ? 22 : 5, callOf("call", depth, object)],
    [depth > 0 ? 16 : 8, callOf(oneOf("send", "sendOnly"), depth, receiver)],
    [3, bare("receive")],
    [3, step("forward", { object: promise, on: oneOf("resolved", "broken"), to: object })],
    [5, bare("self", "input", "sender", "currentMachine", "getState", "currentController", "context")],
    [3, bare("txState")],
    [5, step("setState", { state: messageOf(0) })],
    [5, step(oneOf("reflect", "getMachine", "getController"), { object })],
    [2, step(oneOf("scryMeta", "scryDeep"), { predicate })],
    [5, beginning],
    [4, step(oneOf("commit", "abort"), { tx })],
    [2, step("callPure", { name: pureName, args: fc.array(messageOf(0), { maxLength: 2 }) })],
    [3, step("updatePure", { name: pureName, fn: pureFunction, expected: optional(fc.nat(2)) })],
    [3, step("registerPure", { name: pureName, fn: pureFunction })],
    [5, step("teleport", { machine })],
    [4, step("moveObject", { object, machine })],
    [5, step("fetch", { object })],
    [4, step("transfer", { object, controller })],
    [5, step("freeze", { object })]
  )

const creation: fc.Arbitrary<Steps.Step> = step("create", { behaviour, controller: optional(controller) })

const callOf = <const Op extends "call" | "send" | "sendOnly">(
  op: Op | fc.Arbitrary<Op>,
  depth: number,
  object: fc.Arbitrary<Steps.ObjectRef>
): fc.Arbitrary<Steps.Step> =>
  step(op, {
    object,
    message: messageOf(depth),
    behaviour: weighted<string | null>([9, fc.constant(null)], [1, oneOf("script", "counter")])
  })

const beginning: fc.Arbitrary<Steps.Step> = step("begin", { controller: optional(controller) })

const toggle: fc.Arbitrary<Steps.Step> = fc.oneof(
  fc.record({ op: oneOf("toggle"), what: oneOf("machine"), name: machine }),
  fc.record({ op: oneOf("toggle"), what: oneOf("controller"), name: controller })
)

// ---------------------------------------------------------------------------
// segments
// ---------------------------------------------------------------------------

/** One after the other. Each may be missing, hardly ever as generated, but so that shrinking can leave it out. */
const inTurn = (...steps: ReadonlyArray<fc.Arbitrary<Steps.Step>>): fc.Arbitrary<ReadonlyArray<Steps.Step>> =>
  fc.tuple(...steps.map((step) => fc.option(step, { freq: 50, nil: undefined })))
    .map((steps) => steps.filter((step) => step !== undefined))

/** A transaction that is finished, mostly by a commit. */
const transactionOf = (step: fc.Arbitrary<Steps.Step>): fc.Arbitrary<ReadonlyArray<Steps.Step>> => {
  const finishing = weighted<"commit" | "abort">([3, oneOf("commit")], [1, oneOf("abort")])
    .map((op): Steps.Step => ({ op, tx: 0, attempt: true }))
  return fc.tuple(inTurn(beginning), fc.array(step, { maxLength: 6 }), inTurn(finishing)).map((parts) => parts.flat())
}

/** Objects that answer with objects, are sent to, and to whose promises is sent. */
const conversation: fc.Arbitrary<ReadonlyArray<Steps.Step>> = fc.constant(0).chain(() =>
  inTurn(
    controller.map((controller): Steps.Step => ({ op: "create", behaviour: "script", controller, attempt: true })),
    weighted([1, answeringItself], [1, scriptOf(1)]).map((message): Steps.Step => ({
      op: "send",
      object: 0,
      message,
      behaviour: null,
      attempt: true
    })),
    callOf(oneOf("send", "sendOnly"), 1, promise),
    callOf(oneOf("send", "sendOnly"), 1, receiver)
  )
)

/** A script that answers the object that runs it. */
const answeringItself: fc.Arbitrary<Steps.Message> = fc.constant({
  kind: "script",
  steps: [{ op: "finish", how: "self" }]
})

/** A script that asks for something that depends on its state, so that a replay of it may go another way (A26). */
const sayingItsState: fc.Arbitrary<Steps.Message> = plain.map((value) => ({
  kind: "script",
  steps: [
    { op: "getState", attempt: true },
    { op: "callPure", name: "f", args: [{ kind: "answer", answer: 0 }], attempt: true },
    { op: "setState", state: { kind: "plain", value }, attempt: true }
  ]
}))

const messageToReplica = fc.oneof(messageOf(1), sayingItsState)

const teleport: fc.Arbitrary<Steps.Step> = machine.map((machine) => ({ op: "teleport", machine, attempt: true }))

/** A replica is fetched and called, the object called elsewhere, and both are reconciled. */
const replication: fc.Arbitrary<ReadonlyArray<Steps.Step>> = fc.nat(2).chain((object) => {
  const call: fc.Arbitrary<Steps.Step> = messageToReplica
    .map((message) => ({ op: "call", object, message, behaviour: null, attempt: true }))
  const on = (op: "fetch" | "freeze"): fc.Arbitrary<Steps.Step> => fc.constant({ op, object, attempt: true })
  return inTurn(teleport, on("fetch"), call, teleport, call, on("freeze"))
})
