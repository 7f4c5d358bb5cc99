import { Args, Command, Options } from "@effect/cli"
import { NodeContext } from "@effect/platform-node"
import { Effect, Console } from "effect"
const run = Command.make("run", { module: Args.text({ name: "MODULE" }), store: Options.file("store").pipe(Options.optional), json: Options.boolean("json") }, (c) => Console.log(JSON.stringify(c)))
const avm = Command.make("avm").pipe(Command.withSubcommands([run]))
Command.run(avm, { name: "avm", version: "0" })(process.argv).pipe(Effect.provide(NodeContext.layer), Effect.runPromiseExit).then(e => console.log(e._tag))
