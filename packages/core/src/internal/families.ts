/**
 * The families as the kernel gives them meaning.
 */
import * as Context from "effect/Context"
import * as Controller from "../Controller.js"
import * as FD from "../FD.js"
import type { Safe, Unsafe } from "../InstructionSet.js"
import * as Introspect from "../Introspect.js"
import * as Machine from "../Machine.js"
import * as Nondet from "../Nondet.js"
import * as Obj from "../Obj.js"
import * as Pure from "../Pure.js"
import * as Reflect from "../Reflect.js"
import * as Reify from "../Reify.js"
import * as Tx from "../Tx.js"
import * as constraints from "./constraints.js"
import { withDirect } from "./direct.js"
import { here, type Member } from "./frame.js"
import type { Definition } from "./instruction.js"
import * as introspection from "./introspection.js"
import type { Implementation, Kernel } from "./kernel.js"
import * as objects from "./objects.js"
import * as places from "./places.js"
import * as pure from "./pure.js"
import * as reflection from "./reflection.js"
import * as transactions from "./transactions.js"

export const safe = (kernel: Kernel): Context.Context<Safe> =>
  Context.make(Obj.Obj, service(Obj.definitions, objects.make(kernel))).pipe(
    Context.add(Introspect.Introspect, service(Introspect.definitions, introspection.make(kernel))),
    Context.add(Reify.Reify, service(Reify.definitions, reflection.makeReify())),
    Context.add(Tx.Tx, service(Tx.definitions, transactions.make(kernel))),
    Context.add(Pure.Pure, service(Pure.definitions, pure.makePure(kernel))),
    Context.add(Machine.Machine, service(Machine.definitions, places.makeMachine(kernel))),
    Context.add(Controller.Controller, service(Controller.definitions, places.makeController(kernel))),
    Context.add(FD.FD, service(FD.definitions, constraints.makeFD())),
    Context.add(Nondet.Nondet, service(Nondet.definitions, constraints.makeNondet(kernel)))
  )

export const unsafe = (kernel: Kernel): Context.Context<Unsafe> =>
  Context.make(Reflect.UnsafeReflect, service(Reflect.definitions, reflection.makeReflect(kernel))).pipe(
    Context.add(Reify.UnsafeReify, service(Reify.unsafeDefinitions, reflection.makeUnsafeReify())),
    Context.add(Pure.UnsafePure, service(Pure.unsafeDefinitions, pure.makeUnsafePure(kernel)))
  )

/** The service whose members run the implementation wherever they are executed. */
const service = <S>(definitions: ReadonlyArray<Definition>, implementation: Implementation<S>): S => {
  const members = implementation as Record<string, Member>
  const service: Record<string, unknown> = {}
  for (const { member, params } of definitions) {
    const run = members[member]
    if (run === undefined) throw new Error(`The kernel does not implement ${member}`)
    service[member] = params.length === 0
      ? here(run)
      : (...args: ReadonlyArray<unknown>) => here((cell) => run(cell, ...args))
  }
  // One member for each definition of the family: that is what the family's service consists of.
  return withDirect(service, implementation) as S
}
