// A family service wrapped by a Layer: every call of every program and behaviour is logged.
import { Avm, Instr, type InstructionSet, Obj, type ObjectId } from "@effect-avm/core"
import { Effect, Layer } from "effect"
import { AccountLive, transfer } from "./Bank.types.js"

const Logged = Layer.effect(
  Obj.Obj,
  Effect.map(Obj.Obj, (obj) =>
    Obj.Obj.of({
      ...obj,
      call: (id, input) => Effect.tap(obj.call(id, input), (output) => Effect.log("call", id, input, output))
    }))
)

// For the whole machine …
export const main = Avm.run(transfer).pipe(
  Effect.provide(AccountLive),
  Effect.provide(Avm.override(Logged)),
  Effect.provide(Avm.layerMemory)
)

// … or for a part of one program and what it calls.
export const part = Avm.run(Effect.provide(transfer, Logged))

// Every instruction of every family, as the value it is.
const Recorded = Avm.intercept((instruction, execute) =>
  Effect.tap(execute, (answer) => Effect.logDebug(Instr.format(instruction), answer))
)

export const recorded = Avm.run(transfer).pipe(
  Effect.provide(AccountLive),
  Effect.provide(Recorded),
  Effect.provide(Avm.layerMemory)
)

// Told apart by name, with typed arguments.
export const mentions = (instruction: InstructionSet.AnyInstr): ReadonlyArray<ObjectId.ObjectId> => {
  switch (instruction._tag) {
    case "Obj.call":
    case "Machine.moveObject":
    case "Controller.transfer":
      return [instruction.args.id]
    default:
      return []
  }
}

export const start = () => Effect.runPromise(main)
