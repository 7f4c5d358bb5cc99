/**
 * The process of `avm`: its arguments, its signals, its exit code.
 *
 * @since 0.1.0
 */
import * as NodeContext from "@effect/platform-node/NodeContext"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scheduler from "effect/Scheduler"
import * as Cli from "./Cli.js"
import * as ExitCode from "./ExitCode.js"
import * as Term from "./Term.js"

// A module that waits for nothing would end the process in the middle, and with a code that says all is well.
process.exitCode = ExitCode.defect
const awake = setInterval(() => {}, 2 ** 31 - 1)

// A fiber that goes on gives way to the event loop each time: effect's own scheduler does so after two thousand times only,
// and if each of them waits for a disk, a signal would be heard after half a minute.
const scheduler = Scheduler.makeBatched((run) => void setImmediate(run))

const command = Effect.provide(Cli.main(process.argv.slice(2)), Layer.merge(NodeContext.layer, Term.layerProcess))
const fiber = Effect.runFork(command, { scheduler })

// The first signal ends the command in good order; the second one ends it.
const interrupt = (): void => void Effect.runFork(Fiber.interruptFork(fiber))
process.once("SIGINT", interrupt)
process.once("SIGTERM", interrupt)
process.once("SIGHUP", interrupt)

fiber.addObserver((exit) => {
  clearInterval(awake)
  // What a module has left running does not keep the command from ending.
  process.exit(Exit.isSuccess(exit) ? exit.value : ExitCode.interrupted)
})
