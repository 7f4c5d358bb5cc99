/**
 * Programs as plain data: lists of steps, which refer to objects, transactions and answers by position.
 *
 * Steps are `Val`s: the behaviour `script` takes them as its message and executes them, whoever it is called by. Pinned by
 * `test/conformance/Program.test.ts`.
 *
 * @since 0.1.0
 */
import {
  Controller,
  ControllerId,
  Introspect,
  Machine,
  MachineId,
  Obj,
  Pure,
  Reflect,
  Reify,
  Tx,
  TxId,
  type Val
} from "@effect-avm/core"
import {
  ask,
  attempt,
  type Instruction as ScriptInstruction,
  reject,
  type Request,
  type Script,
  toggle
} from "./Script.js"
import * as Known from "./steps/Known.js"
import type { Instruction, Step } from "./steps/Step.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

export type { Instruction, Message, ObjectRef, ScryPredicate, Step, TxRef } from "./steps/Step.js"

// ---------------------------------------------------------------------------
// scripts
// ---------------------------------------------------------------------------

/**
 * The steps as a program. It answers the list of the answers.
 *
 * @since 0.1.0
 * @category conversions
 */
export const toScript = (steps: ReadonlyArray<Step>): Script => () => execute(steps, Known.make())

/**
 * The behaviour `script`: executes the steps it is sent, and refuses everything else.
 *
 * @since 0.1.0
 * @category behaviours
 */
export const script: Script = function*() {
  const input = yield* ask(Introspect.input)
  return Known.isPacket(input) ? yield* execute(input.steps, Known.unpacked(input)) : yield* reject()
}

// ---------------------------------------------------------------------------
// executing
// ---------------------------------------------------------------------------

function* execute(
  steps: ReadonlyArray<Step>,
  known: Known.Known
): Generator<Request, ReadonlyArray<Val.Val>, unknown> {
  for (const step of steps) {
    switch (step.op) {
      case "reject":
        return yield* reject()
      case "finish":
        if (step.how === "self") return [yield* ask(Introspect.self)]
        return step.how === "nothing" ? [] : [Number.NaN]
      case "toggle":
        yield toggle(step.what, step.name)
        known.answers.push(null)
        break
      default: {
        const instruction = yield* instructionOf(step, known)
        const answer = step.attempt ? yield* attempt(instruction) : yield* ask(instruction)
        Known.learn(known, step, answer)
      }
    }
  }
  return [known.answers]
}

/** `self` is asked where it is referred to, so that a step costs no instruction it does not need. */
function* instructionOf(
  step: Instruction,
  known: Known.Known
): Generator<Request, ScriptInstruction, unknown> {
  const controllerOf = (name: string | null) => name === null ? undefined : ControllerId.make(name)
  switch (step.op) {
    case "create":
      return Obj.create(step.behaviour, controllerOf(step.controller))
    case "destroy":
      return Obj.destroy(yield* Known.objectOf(known, step.object))
    case "call": {
      const id = yield* Known.objectOf(known, step.object)
      const input = yield* Known.valueOf(known, step.message, Known.behaviourOf(known, id))
      return step.behaviour === null ? Obj.call(id, input) : Obj.callAs(step.behaviour, id, input)
    }
    case "send":
    case "sendOnly": {
      const id = yield* Known.objectOf(known, step.object)
      const input = yield* Known.valueOf(known, step.message, Known.behaviourOf(known, id))
      const options = step.behaviour === null ? {} : { behaviour: step.behaviour }
      return step.op === "send" ? Obj.send(id, input, options) : Obj.sendOnly(id, input, options)
    }
    case "receive":
      return Obj.receive
    case "forward": {
      const promised = Obj.eventual(yield* Known.objectOf(known, step.object))
      const to = yield* Known.objectOf(known, step.to)
      // The machine's own promises forward by an instruction.
      return (step.on === "resolved" ? promised.onResolved(to, "set") : promised.onBroken(to, "set")) as Obj.Forward
    }
    case "self":
      return Introspect.self
    case "input":
      return Introspect.input
    case "sender":
      return Introspect.sender
    case "currentMachine":
      return Introspect.currentMachine
    case "getState":
      return Introspect.getState
    case "setState":
      return Introspect.setState(yield* Known.valueOf(known, step.state, "cell"))
    case "context":
      return Reify.context
    case "txState":
      return Reify.txState
    case "reflect":
      return Reflect.reflect(yield* Known.objectOf(known, step.object))
    case "scryMeta": {
      const holds = Known.predicateOf(step.predicate)
      return Reflect.scryMeta((metadata) => holds("", metadata))
    }
    case "scryDeep":
      return Reflect.scryDeep(Known.predicateOf(step.predicate))
    case "begin":
      return Tx.begin(controllerOf(step.controller))
    case "commit":
      return Tx.commit(TxId.make(Known.txOf(known, step.tx)))
    case "abort":
      return Tx.abort(TxId.make(Known.txOf(known, step.tx)))
    case "callPure": {
      const args: Array<Val.Val> = []
      for (const message of step.args) args.push(yield* Known.valueOf(known, message, "cell"))
      return Pure.call(step.name, args)
    }
    case "updatePure":
      return Pure.update(
        step.name,
        Known.functionOf(step.fn),
        step.expected === null ? {} : { expectedVersion: step.expected }
      )
    case "registerPure":
      return Pure.register(step.name, Known.functionOf(step.fn))
    case "getMachine":
      return Machine.getMachine(yield* Known.objectOf(known, step.object))
    case "teleport":
      return Machine.teleport(MachineId.make(step.machine))
    case "moveObject":
      return Machine.moveObject(yield* Known.objectOf(known, step.object), MachineId.make(step.machine))
    case "fetch":
      return Machine.fetch(yield* Known.objectOf(known, step.object))
    case "currentController":
      return Controller.current
    case "getController":
      return Controller.getController(yield* Known.objectOf(known, step.object))
    case "transfer":
      return Controller.transfer(yield* Known.objectOf(known, step.object), ControllerId.make(step.controller))
    case "freeze":
      return Controller.freeze(yield* Known.objectOf(known, step.object))
  }
}
