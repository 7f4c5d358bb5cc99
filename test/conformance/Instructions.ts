/**
 * The instructions of a vector as values: names and arguments to what `@effect-avm/core` calls them.
 */
import {
  Constraint,
  Controller,
  ControllerId,
  FD,
  Introspect,
  Machine,
  MachineId,
  Nondet,
  Obj,
  ObjectId,
  Pure,
  Reflect,
  Reify,
  Tx,
  TxId,
  Val
} from "@effect-avm/core"
import { Behaviours, type Script } from "@effect-avm/testkit"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"

/** `args` have their symbols replaced by the ids they stand for. */
export const instruction = (name: string, args: ReadonlyArray<unknown>): Script.Instruction => {
  const build = instructions[name]
  if (build === undefined) throw new Error(`no instruction is called ${name}`)
  return build(args)
}

// ---------------------------------------------------------------------------
// internal
// ---------------------------------------------------------------------------

type Args = ReadonlyArray<unknown>

const instructions: Readonly<Record<string, (args: Args) => Script.Instruction>> = {
  "Obj.create": ([behaviour, controller]) => Obj.create(text(behaviour), controllerOf(controller)),
  "Obj.destroy": ([id]) => Obj.destroy(objectId(id)),
  "Obj.call": ([id, input]) => Obj.call(objectId(id), val(input)),
  "Obj.receive": () => Obj.receive,
  "Obj.send": ([id, message]) => Obj.send(objectId(id), val(message)),
  "Obj.sendOnly": ([id, message]) => Obj.sendOnly(objectId(id), val(message)),
  "Introspect.self": () => Introspect.self,
  "Introspect.input": () => Introspect.input,
  "Introspect.sender": () => Introspect.sender,
  "Introspect.currentMachine": () => Introspect.currentMachine,
  "Introspect.getState": () => Introspect.getState,
  "Introspect.setState": ([state]) => Introspect.setState(val(state)),
  "Reflect.reflect": ([id]) => Reflect.reflect(objectId(id)),
  "Reflect.scryMeta": ([predicate]) => {
    const holds = predicateOf(predicate)
    return Reflect.scryMeta((metadata) => holds("", metadata))
  },
  "Reflect.scryDeep": ([predicate]) => Reflect.scryDeep(predicateOf(predicate)),
  "Reify.context": () => Reify.context,
  "Reify.txState": () => Reify.txState,
  "Reify.constraints": () => Reify.constraints,
  "Tx.begin": ([controller]) => Tx.begin(controllerOf(controller)),
  "Tx.commit": ([id]) => Tx.commit(TxId.make(text(id))),
  "Tx.abort": ([id]) => Tx.abort(TxId.make(text(id))),
  "Pure.call": ([name, args]) => Pure.call(text(name), list(args)),
  "Pure.update": ([name, fn]) => Pure.update(text(name), pure(fn)),
  "Pure.register": ([name, fn]) => Pure.register(text(name), pure(fn)),
  "Machine.getMachine": ([id]) => Machine.getMachine(objectId(id)),
  "Machine.teleport": ([machine]) => Machine.teleport(MachineId.make(text(machine))),
  "Machine.moveObject": ([id, machine]) => Machine.moveObject(objectId(id), MachineId.make(text(machine))),
  "Machine.fetch": ([id]) => Machine.fetch(objectId(id)),
  "Controller.current": () => Controller.current,
  "Controller.getController": ([id]) => Controller.getController(objectId(id)),
  "Controller.transfer": ([id, controller]) => Controller.transfer(objectId(id), ControllerId.make(text(controller))),
  "Controller.freeze": ([id]) => Controller.freeze(objectId(id)),
  "FD.newVar": ([domain]) => FD.newVar(FD.values(...list(domain))),
  "FD.narrow": ([id, domain]) => FD.narrow(FD.variable(text(id)), FD.values(...list(domain))),
  "FD.post": ([constraint]) => FD.post(constraintOf(constraint)),
  "FD.label": ([id]) => FD.label(FD.variable(text(id))),
  "Nondet.choose": ([options]) => Nondet.choose(list(options)),
  "Nondet.require": ([condition]) => Nondet.require(condition === true)
}

/** `{"Eq": [variable, variable]}`; the value forms have a value in the second place. */
const constraintOf = (argument: unknown): Constraint.Constraint => {
  if (!Predicate.isRecord(argument)) return refuse("a constraint", argument)
  const [[name, parts] = ["", []]] = Object.entries(argument)
  const terms = Array.isArray(parts) ? parts : []
  const term = (place: number) => FD.variable<number>(text(terms[place]))
  // The value forms are about numbers.
  const value = (place: number) => val(terms[place]) as number
  switch (name) {
    case "Eq":
      return Constraint.eq(term(0), term(1))
    case "Neq":
      return Constraint.neq(term(0), term(1))
    case "Leq":
      return Constraint.leq(term(0), term(1))
    case "Lt":
      return Constraint.lt(term(0), term(1))
    case "Geq":
      return Constraint.geq(term(0), term(1))
    case "Gt":
      return Constraint.gt(term(0), term(1))
    case "AllDiff":
      return Constraint.allDifferent(terms.map((_, place) => term(place)))
    case "EqVal":
      return Constraint.eq(term(0), value(1))
    case "NeqVal":
      return Constraint.neq(term(0), value(1))
    case "LeqVal":
      return Constraint.leq(term(0), value(1))
    case "LtVal":
      return Constraint.lt(term(0), value(1))
    case "GeqVal":
      return Constraint.geq(term(0), value(1))
    case "GtVal":
      return Constraint.gt(term(0), value(1))
    default:
      return refuse("a constraint", argument)
  }
}

const text = (argument: unknown): string => Predicate.isString(argument) ? argument : refuse("a text", argument)

const objectId = (argument: unknown): ObjectId.ObjectId =>
  ObjectId.isObjectId(argument) ? argument : refuse("an object", argument)

const val = (argument: unknown): Val.Val => Val.isVal(argument) ? argument : refuse("a Val", argument)

const list = (argument: unknown): ReadonlyArray<Val.Val> =>
  Array.isArray(argument) ? argument.map(val) : refuse("a list", argument)

const controllerOf = (argument: unknown): ControllerId.ControllerId | undefined =>
  Predicate.isNullable(argument) ? undefined : ControllerId.make(text(argument))

const pure = (argument: unknown): Pure.PureFunction => {
  const name = Predicate.hasProperty(argument, "pure") ? text(argument.pure) : ""
  return Behaviours.functions[name] ?? refuse("a pure function", argument)
}

/** `{}` is true of everything, `false` of nothing, a record demands what it names. */
const predicateOf = (argument: unknown): Reflect.DeepPredicate => {
  if (argument === false) return () => false
  if (!Predicate.isRecord(argument)) return refuse("a predicate", argument)
  const wanted = Object.entries(argument)
  return (behaviour, metadata) => {
    const found = new Map<string, unknown>([["behaviour", behaviour], ...Object.entries(metadata)])
    return wanted.every(([name, value]) => {
      const at = found.get(name)
      // Null stands for none.
      return value === (Option.isOption(at) ? Option.getOrNull(at) : at)
    })
  }
}

const refuse = (wanted: string, found: unknown): never => {
  throw new Error(`a vector gives ${JSON.stringify(found)} for ${wanted}`)
}
