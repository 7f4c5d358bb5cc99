/**
 * What each instruction means: one rule for each.
 *
 * @since 0.1.0
 */
import * as Option from "effect/Option"
import type { Instruction } from "../Script.js"
import * as Execution from "./Execution.js"
import * as Constraints from "./rules/Constraints.js"
import * as Controllers from "./rules/Controllers.js"
import * as Functions from "./rules/Functions.js"
import * as Lookups from "./rules/Lookups.js"
import * as Machines from "./rules/Machines.js"
import * as Messages from "./rules/Messages.js"
import * as Objects from "./rules/Objects.js"
import * as Transactions from "./rules/Transactions.js"

/**
 * Executes one instruction in the running frame: answers what it answers, or throws its `Failure`.
 *
 * @since 0.1.0
 * @category rules
 */
export const execute = (x: Execution.Execution, instruction: Instruction): unknown => {
  switch (instruction._tag) {
    case "Obj.create":
      return Objects.create(x, instruction.args)
    case "Obj.destroy":
      return Objects.destroy(x, instruction.args)
    case "Obj.call":
      return Objects.call(x, instruction.args)
    case "Obj.receive":
      return Messages.receive(x)
    case "Obj.send":
      return Messages.send(x, instruction)
    case "Obj.sendOnly":
      return Messages.sendOnly(x, instruction)
    case "Obj.forward":
      return Messages.forward(x, instruction.args)

    case "Introspect.self":
      return Execution.running(x).self
    case "Introspect.input":
      return Execution.running(x).input
    case "Introspect.sender":
      return Execution.running(x).sender
    case "Introspect.currentMachine":
      return Execution.running(x).machine
    case "Introspect.getState":
      return Objects.getState(x)
    case "Introspect.setState":
      return Objects.setState(x, instruction.args)

    case "Reflect.reflect":
      return Lookups.reflect(x, instruction.args)
    case "Reflect.scryMeta": {
      const { predicate } = instruction.args
      const found = Lookups.scry(x, (_, metadata) => predicate(metadata))
      return found.map(({ metadata }) => [metadata.id, metadata])
    }
    case "Reflect.scryDeep": {
      const found = Lookups.scry(x, instruction.args.predicate)
      return found.map(({ behaviour, metadata }) => [metadata.id, behaviour, metadata])
    }

    case "Reify.context":
      return Lookups.reifyContext(x)
    case "Reify.txState":
      return Lookups.reifyTxState(x)
    case "Reify.constraints":
      return Constraints.reify(x)

    case "Tx.begin":
      return Transactions.begin(x, instruction.args)
    case "Tx.commit":
      return Transactions.commit(x, instruction.args)
    case "Tx.abort":
      return Transactions.abort(x, instruction.args)

    case "Pure.call":
      return Functions.call(x, instruction.args)
    case "Pure.update":
      return Functions.update(x, instruction.args)
    case "Pure.register":
      return Functions.register(x, instruction.args)

    case "Machine.getMachine":
      return Machines.getMachine(x, instruction.args)
    case "Machine.teleport":
      return Machines.teleport(x, instruction.args)
    case "Machine.moveObject":
      return Machines.moveObject(x, instruction.args)
    case "Machine.fetch":
      return Machines.fetch(x, instruction.args)

    case "Controller.current":
      // A10: the home controller does not show.
      return x.session.tx?.controller ?? Option.none()
    case "Controller.getController":
      return Controllers.getController(x, instruction.args)
    case "Controller.transfer":
      return Controllers.transfer(x, instruction.args)
    case "Controller.freeze":
      return Controllers.freeze(x, instruction.args)

    case "FD.newVar":
      return Constraints.newVar(x, instruction.args)
    case "FD.narrow":
      return Constraints.narrow(x, instruction.args)
    case "FD.post":
      return Constraints.post(x, instruction.args)
    case "FD.label":
      return Constraints.label(x, instruction.args)

    case "Nondet.choose":
      return Constraints.choose(x, instruction.args)
    case "Nondet.require":
      return Constraints.require(x, instruction.args)
  }
}
