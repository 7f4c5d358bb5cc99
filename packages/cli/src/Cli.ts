/**
 * The command line of `avm`: its commands with their options, and how a command ends. Pinned by `test/cli`.
 *
 * @since 0.1.0
 */
import * as Args from "@effect/cli/Args"
import type * as CliApp from "@effect/cli/CliApp"
import * as CliConfig from "@effect/cli/CliConfig"
import * as Command from "@effect/cli/Command"
import * as HelpDoc from "@effect/cli/HelpDoc"
import * as Opts from "@effect/cli/Options"
import * as ValidationError from "@effect/cli/ValidationError"
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Option from "effect/Option"
import * as fs from "node:fs"
import { BadArgument, type CliError, exitCode } from "./CliError.js"
import * as ExitCode from "./ExitCode.js"
import { backup } from "./internal/backup.js"
import { objects } from "./internal/objects.js"
import { asked } from "./internal/pictures.js"
import { ProgramConsole, run as runModule } from "./internal/run.js"
import { painting, printable, printableLines, withoutColours } from "./internal/text.js"
import { trace } from "./internal/trace.js"
import { verify } from "./internal/verify.js"
import { type Service, Term } from "./Term.js"

/** Of the package; a copy of the command without it does not know. */
const version = Option.getOrElse(
  Option.liftThrowable(() =>
    String(JSON.parse(fs.readFileSync(new URL("../package.json", import.meta.url), "utf8")).version)
  )(),
  () => "of unknown version"
)

const config = CliConfig.make({ showBuiltIns: false })

// ---------------------------------------------------------------------------
// options
// ---------------------------------------------------------------------------

const optional = (name: string, pseudo: string, description: string) =>
  Opts.text(name).pipe(Opts.withPseudoName(pseudo), Opts.withDescription(description), Opts.optional)

const store = Opts.text("store").pipe(
  Opts.withPseudoName("FILE"),
  Opts.withDescription("The file of the objects. It is read beside whoever writes it.")
)

const traceForm = (text: string): Option.Option<"table" | "json" | "none"> =>
  text === "table" || text === "json" || text === "none" ? Option.some(text) : Option.none()

const common = {
  json: Opts.boolean("json").pipe(Opts.withDescription("Answers as JSON, errors too, for other programs to read.")),
  debug: Opts.boolean("debug").pipe(Opts.withDescription("Tells where an error comes from."))
}

const pictures = {
  svg: optional("svg", "FILE", "Draws a message sequence chart."),
  mermaid: optional("mermaid", "FILE", "Writes the chart as Mermaid text."),
  html: optional("html", "FILE", "Writes a page with all of it, to open in a browser.")
}

// ---------------------------------------------------------------------------
// commands
// ---------------------------------------------------------------------------

const run = Command.make("run", {
  module: Args.text({ name: "MODULE" }).pipe(
    Args.withDescription("A TypeScript or JavaScript file that exports `program`, and `layer` with its behaviours.")
  ),
  store: optional("store", "FILE", "Keeps the objects and the trace in this file, made if need be; in memory without."),
  input: optional(
    "input",
    "JSON",
    "The input of the program, if it is a function or asks for it; what the module says without."
  ),
  trace: Opts.text("trace").pipe(
    // A choice would refuse another word without saying which option it is of.
    Opts.filterMap(traceForm, "--trace: table, json or none"),
    Opts.withPseudoName("table | json | none"),
    Opts.withDescription("Prints what happened, entry by entry."),
    Opts.withDefault("none" as const)
  ),
  ...pictures,
  otlp: optional("otlp", "URL", "Sends spans and metrics to this OpenTelemetry receiver, as http://localhost:4318."),
  recordAnswers: Opts.boolean("record-answers").pipe(
    Opts.withDescription(
      "Keeps what instructions were answered, so that `avm verify` can replay histories: of objects that were never called without it."
    )
  ),
  ...common
}, (options) => runModule({ ...options, pictures: asked(options) })).pipe(
  Command.withDescription("Runs a program, on objects in memory or in a file.")
)

const objectsCommand = Command.make("objects", {
  id: Args.text({ name: "ID" }).pipe(
    Args.withDescription("Shows this object with its state and history; short ids as the list has them will do."),
    Args.optional
  ),
  store,
  behaviour: optional("behaviour", "NAME", "Only objects of this behaviour."),
  controller: optional("controller", "NAME", "Only objects that this controller owns."),
  machine: optional("machine", "NAME", "Only objects on this machine."),
  ...common
}, objects).pipe(Command.withDescription("Lists the objects of a store, or shows one."))

const traceCommand = Command.make("trace", {
  store,
  object: optional("object", "ID", "Only entries that name this object."),
  tx: optional("tx", "ID", "Only entries of this transaction."),
  last: Opts.text("last").pipe(
    Opts.filterMap(
      (text) => /^-?\d+$/.test(text) ? Option.some(Number(text)) : Option.none(),
      "--last: a whole number"
    ),
    Opts.withPseudoName("N"),
    Opts.withDescription("Only the last so many entries."),
    Opts.optional
  ),
  follow: Opts.boolean("follow").pipe(
    Opts.withAlias("f"),
    Opts.withDescription("Goes on with what comes, until it is interrupted.")
  ),
  ...pictures,
  ...common
}, (options) =>
  Effect.gen(function*() {
    if (Option.exists(options.last, (last) => last < 0)) {
      return yield* new BadArgument({ argument: "--last", reason: "it is below 0" })
    }
    const pictures = asked(options)
    if (options.follow && pictures.length > 0) {
      return yield* new BadArgument({ argument: "--follow", reason: "a picture has an end" })
    }
    return yield* trace({ ...options, pictures })
  })).pipe(Command.withDescription("Shows what a store has kept of what happened."))

const verifyCommand = Command.make("verify", {
  store,
  module: optional("module", "MODULE", "Replays histories with the behaviours of this module (see --record-answers)."),
  ...common
}, verify).pipe(
  Command.withDescription("Checks every rule of a store's tables, and reads every value in it.")
)

const backupCommand = Command.make("backup", {
  destination: Args.text({ name: "DESTINATION" }).pipe(Args.withDescription("The copy.")),
  store,
  force: Opts.boolean("force").pipe(Opts.withDescription("Replaces a file that is there already.")),
  ...common
}, backup).pipe(Command.withDescription("Copies a store, as of one moment, while it is in use."))

const helps = {
  run: () => Command.getHelp(run, config),
  objects: () => Command.getHelp(objectsCommand, config),
  trace: () => Command.getHelp(traceCommand, config),
  verify: () => Command.getHelp(verifyCommand, config),
  backup: () => Command.getHelp(backupCommand, config)
}

const avm = Command.make("avm").pipe(
  Command.withDescription("Runs programs of transactional objects, and looks at what they did."),
  Command.withSubcommands([run, objectsCommand, traceCommand, verifyCommand, backupCommand])
)

type Name = keyof typeof helps

const isName = (text: string | undefined): text is Name => text !== undefined && Object.hasOwn(helps, text)

const examples: Readonly<Record<Name, ReadonlyArray<string>>> = {
  run: [
    "avm run bank.ts --store bank.db --trace table --html bank.html",
    "avm run bank.ts --input '{\"rounds\":3}' --json"
  ],
  objects: ["avm objects --store bank.db --behaviour Account", "avm objects o-3k5x…-4 --store bank.db"],
  trace: ["avm trace --store bank.db --follow", "avm trace --store bank.db --last 100 --svg bank.svg"],
  verify: ["avm verify --store bank.db", "avm verify --store bank.db --module bank.ts"],
  backup: ["avm backup bank.copy.db --store bank.db"]
}

const application = (name: Name | undefined) =>
  Command.run(avm, {
    name: "avm",
    version,
    footer: HelpDoc.blocks([
      HelpDoc.h1("EXAMPLES"),
      ...(name === undefined
        ? [...Object.values(examples).flatMap((all) => all.slice(0, 1)), "source <(avm --completions bash)"]
        : examples[name]).map((line) => HelpDoc.p(`$ ${line}`)),
      HelpDoc.h1("EXIT CODES"),
      HelpDoc.p(
        "0 done; 1 the program failed, or verify found something; 2 wrong command line; 3 wrong module; 4 wrong store; " +
          "5 unknown id; 6 an output could not be written; 70 a defect of avm itself; 130 interrupted; 141 nobody reads " +
          "the output any more"
      )
    ])
  })

/** What to say besides what the parser says, which names no option that it takes for something else. */
const hint = (name: Name | undefined, args: ReadonlyArray<string>): string => {
  if (name === undefined) return "avm --help tells what can be said."
  const known = new Set(HelpDoc.toAnsiText(helps[name]()).match(/--[a-z-]+/g))
  const unknown = args.map((arg) => arg.replace(/=.*$/s, "")).filter((arg) => /^--./.test(arg) && !known.has(arg))
  return (unknown.length === 0 ? "" : `avm ${name} has no option ${unknown.join(", ")}. `) +
    `avm ${name} --help tells what can be said.`
}

// ---------------------------------------------------------------------------
// running
// ---------------------------------------------------------------------------

/**
 * Runs a command line, given without the name of the command; answers the exit code, when all is printed and closed.
 *
 * @since 0.1.0
 * @category running
 */
export const main = (
  args: ReadonlyArray<string>
): Effect.Effect<number, never, Term | CliApp.CliApp.Environment> =>
  Effect.gen(function*() {
    const term = yield* Term
    const isJson = args.includes("--json")
    const original = yield* Console.consoleWith(Effect.succeed)
    const console = consoleOf(term, original, isJson)
    const isDebug = args.includes("--debug")
    const told = (error: CliError | Unexpected, stack: string) =>
      term.err(
        isJson
          ? `${JSON.stringify({ error: { _tag: error._tag, message: error.message, ...isDebug ? { stack } : {} } })}\n`
          : `${painting(term.isErrTerminal && !term.isPlain)("red", "avm:")} ${printableLines(error.message)}\n` +
            (isDebug ? `${printableLines(stack)}\n` : "")
      )
    const name = isName(args[0]) ? args[0] : undefined
    return yield* application(name)(["node", "avm", ...args]).pipe(
      Effect.as(ExitCode.success),
      Effect.catchAllCause((cause) => {
        const error = Option.getOrUndefined(Cause.failureOption(cause))
        if (error === undefined) {
          if (Cause.isInterrupted(cause)) return Effect.succeed(ExitCode.interrupted)
          const thrown = Cause.squash(cause)
          const message = thrown instanceof Error ? thrown.message : String(thrown)
          return Effect.as(told({ _tag: "Unexpected", message }, Cause.pretty(cause)), ExitCode.defect)
        }
        // What is wrong with it was printed by the parser.
        if (ValidationError.isValidationError(error)) {
          const more = hint(name, args)
          if (isJson) {
            const message = `${withoutColours(HelpDoc.toAnsiText(error.error)).trim()}. ${more}`
            return Effect.as(told({ _tag: "Usage", message }, message), ExitCode.usage)
          }
          return Effect.as(term.err(`${printable(more)}\n`), ExitCode.usage)
        }
        if (error._tag === "OutputGone") return Effect.succeed(ExitCode.outputGone)
        const stack = error._tag === "ProgramFailed" ? error.cause : undefined
        return Effect.as(told(error, stack ?? Cause.pretty(cause, { renderErrorCause: true })), exitCode(error))
      }),
      Effect.withConsole(console),
      Effect.provideService(ProgramConsole, original),
      Effect.provide(Logger.replace(Logger.defaultLogger, Logger.withConsoleError(Logger.logfmtLogger))),
      Effect.provide(Layer.succeed(CliConfig.CliConfig, config))
    )
  })

interface Unexpected {
  readonly _tag: "Unexpected" | "Usage"
  readonly message: string
}

/** What the parser of the command line prints goes the same way as everything else. */
const consoleOf = (term: Service, original: Console.Console, isJson: boolean): Console.Console => ({
  ...original,
  log: (...values) => Effect.ignore(term.out(`${shown(values, term.isPlain || !term.isOutTerminal)}\n`)),
  // As JSON an error is told once, when all is over.
  error: (...values) => isJson ? Effect.void : term.err(`${shown(values, term.isPlain || !term.isErrTerminal)}\n`)
})

const shown = (values: ReadonlyArray<unknown>, isPlain: boolean): string => {
  const text = values.map(String).join(" ")
  return isPlain ? withoutColours(text) : text
}
