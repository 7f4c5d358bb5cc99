/**
 * The reference model: SPEC.md as a pure interpreter of instruction values, evident rather than fast.
 *
 * One short rule per clause, in `model/`; no Effect runs in it. A world and a session go in, a world, a session and an
 * outcome come out, so several programs are interleaved by threading one world through their sessions. Not in it yet:
 * outputs, waiting (`receive` answers none, and nothing is awaited), and brackets: read-only ones, and other choices than
 * the first. Pinned by `test/conformance/Vectors.test.ts`.
 *
 * @since 0.1.0
 */
import { type AvmError, type ObjectId, TraceEvent, type Val } from "@effect-avm/core"
import type * as Either from "effect/Either"
import * as Option from "effect/Option"
import { abort, perform, play } from "./model/Activation.js"
import * as Execution from "./model/Execution.js"
import * as Mail from "./model/Mail.js"
import { execute } from "./model/Rules.js"
import { none } from "./model/rules/Constraints.js"
import * as Messages from "./model/rules/Messages.js"
import * as World from "./model/World.js"
import type { Request, Script } from "./Script.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

export type { Frame, Session } from "./model/Execution.js"
export type { Part, PerObject, Transaction } from "./model/Transaction.js"
export type { Accepted, Options, Recorded, Replica, Store, StoredObject, World } from "./model/World.js"

/**
 * @since 0.1.0
 * @category models
 */
export interface Stepped<A> {
  readonly world: World.World
  readonly session: Execution.Session
  readonly outcome: Either.Either<A, AvmError.AvmError>
}

/**
 * How a program ended.
 *
 * @since 0.1.0
 * @category models
 */
export type Ending =
  | { readonly _tag: "Succeeded" }
  /** With an `AvmError`, an error of the application, or a defect. */
  | { readonly _tag: "Failed"; readonly error: unknown }
  | { readonly _tag: "Interrupted" }

// ---------------------------------------------------------------------------
// constructors
// ---------------------------------------------------------------------------

export { make, toggle } from "./model/World.js"

/**
 * Starts a program: its root frame has a fresh id, which is no object's (A11).
 *
 * @since 0.1.0
 * @category constructors
 */
export const start = (
  world: World.World,
  options: { readonly input?: Val.Val } = {}
): { readonly world: World.World; readonly session: Execution.Session } => {
  const [self, drawn] = World.freshObjectId(world)
  const root: Execution.Frame = {
    self,
    input: options.input ?? null,
    sender: Option.none(),
    machine: world.machine,
    replicaAt: Option.none(),
    answers: [],
    replay: Option.none(),
    before: Option.none(),
    rejected: []
  }
  const session = {
    frames: [root],
    rootState: [],
    tx: undefined,
    finished: new Map(),
    trace: [],
    constraints: none,
    variables: 0
  } as const
  return { world: drawn, session }
}

// ---------------------------------------------------------------------------
// operations
// ---------------------------------------------------------------------------

/**
 * One instruction at the root of a program; what it calls runs to its end. A defect of a behaviour or a pure function is
 * thrown.
 *
 * @since 0.1.0
 * @category operations
 */
export const step = (world: World.World, session: Execution.Session, request: Request): Stepped<unknown> =>
  stepped(world, session, (x) => perform(x, request))

/**
 * The end of a program: an open transaction is aborted (D15), then a failure is written (D27), in this order (A9).
 *
 * @since 0.1.0
 * @category operations
 */
export const end = (world: World.World, session: Execution.Session, ending: Ending): Execution.Session => {
  const x: Execution.Execution = { world, session, execute }
  abort(x)
  // A39: typed failures and defects, not interruption. A9: without controller.
  if (ending._tag === "Failed") {
    Execution.log(x, new TraceEvent.ErrorOccurred({ error: ending.error }), Option.none())
  }
  return x.session
}

/**
 * A whole program, from its start to its end.
 *
 * @since 0.1.0
 * @category operations
 */
export const run = (
  world: World.World,
  program: Script,
  options: { readonly input?: Val.Val } = {}
): Stepped<ReadonlyArray<Val.Val>> => {
  const started = start(world, options)
  const ran = stepped(started.world, started.session, (x) => play(x, program))
  const ending: Ending = ran.outcome._tag === "Right"
    ? { _tag: "Succeeded" }
    : { _tag: "Failed", error: ran.outcome.left }
  return { ...ran, session: end(ran.world, ran.session, ending) }
}

/**
 * The next turn: a world whose messages are one fewer, and what the turn wrote; none if nothing is ready.
 *
 * The mailbox that has been ready longest goes first, and behind all others if it has more messages. One whose object
 * cannot be reached is put aside, and looked at again when nothing else is ready.
 *
 * @since 0.1.0
 * @category operations
 */
export const turn = (
  world: World.World
): { readonly world: World.World; readonly trace: Execution.Session["trace"] } | undefined => {
  const [id, ...ready] = world.ready
  if (id === undefined) {
    const again = reconsidered(world)
    return again.ready.length === 0 ? undefined : turn(again)
  }
  const [message] = Mail.boxOf(world.store.mail, id)
  if (message === undefined) return turn({ ...world, ready })
  if (!isDeliverable(world, id)) return turn({ ...world, ready, stalled: [...world.stalled, id] })
  const started = start({ ...world, ready, busy: id })
  const x: Execution.Execution = { ...started, execute }
  Messages.turn(x, message)
  const left = { ...x.world, busy: undefined }
  const more = Mail.boxOf(left.store.mail, id).length > 0
  return { world: more ? World.made(left, [id]) : left, trace: x.session.trace }
}

const reconsidered = (world: World.World): World.World => {
  const waiting = world.stalled.filter((id) => Mail.boxOf(world.store.mail, id).length > 0)
  const stalled = waiting.filter((id) => !isDeliverable(world, id))
  return { ...world, stalled, ready: waiting.filter((id) => !stalled.includes(id)) }
}

/** Not while its object, its machine or its controller cannot be reached. What does not exist can be, and fails. */
const isDeliverable = (world: World.World, id: ObjectId.ObjectId): boolean => {
  const object = world.store.objects.get(id.value)
  return object === undefined ||
    !world.unreachableMachines.has(object.metadata.machine) &&
      !Option.exists(object.metadata.currentController, (controller) => world.unreachableControllers.has(controller))
}

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

const stepped = <A>(
  world: World.World,
  session: Execution.Session,
  body: (x: Execution.Execution) => A
): Stepped<A> => {
  const x: Execution.Execution = { world, session, execute }
  const outcome = Execution.outcomeOf(() => body(x))
  return { world: x.world, session: x.session, outcome }
}
