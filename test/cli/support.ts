/**
 * The command in three ways: in this process with its outputs caught, as a child process, and in a pseudo-terminal as a
 * person has it.
 */
import { Cli, Term } from "@effect-avm/cli"
import * as NodeContext from "@effect/platform-node/NodeContext"
import { Console, Effect } from "effect"
import { build } from "esbuild"
import { execFileSync, spawn } from "node:child_process"
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs"
import * as path from "node:path"

export const root = path.resolve(import.meta.dirname, "../..")

export const example = (name: string): string => path.join(root, "examples", `${name}.ts`)

export interface Ended {
  readonly code: number
  readonly out: string
  readonly err: string
}

// ---------------------------------------------------------------------------
// in this process
// ---------------------------------------------------------------------------

/** A terminal of which everything is kept. */
export const caught = (options: Partial<Term.Service> = {}) => {
  let [out, err] = ["", ""]
  const term: Term.Service = {
    out: (text) => Effect.sync(() => void (out += text)),
    err: (text) => Effect.sync(() => void (err += text)),
    isOutTerminal: false,
    isErrTerminal: false,
    columns: () => 80,
    isPlain: false,
    ...options
  }
  const ended = (code: number): Ended => ({ code, out, err })
  return { term, ended }
}

export const avm = (...args: ReadonlyArray<string>): Effect.Effect<Ended> => avmOn({}, ...args)

export const avmOn = (options: Partial<Term.Service>, ...args: ReadonlyArray<string>): Effect.Effect<Ended> =>
  Effect.gen(function*() {
    const { ended, term } = caught(options)
    const original = yield* Console.consoleWith(Effect.succeed)
    const printed = (write: (text: string) => Effect.Effect<unknown, unknown>) => (...values: ReadonlyArray<unknown>) =>
      Effect.ignore(write(`${values.map(String).join(" ")}\n`))
    const console = { ...original, log: printed(term.out), error: printed(term.err) }
    const code = yield* Cli.main(args).pipe(
      Effect.provideService(Term.Term, term),
      Effect.provide(NodeContext.layer),
      Effect.withConsole(console)
    )
    return ended(code)
  })

// ---------------------------------------------------------------------------
// files
// ---------------------------------------------------------------------------

/** A new directory beside the packages, so that modules in it find them. */
export const inDirectory = <A, E>(body: (directory: string) => Effect.Effect<A, E>): Effect.Effect<A, E> =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      const parent = path.join(import.meta.dirname, ".examples")
      mkdirSync(parent, { recursive: true })
      return mkdtempSync(path.join(parent, "cli-"))
    }),
    body,
    (directory) => Effect.sync(() => rmSync(directory, { recursive: true }))
  )

export const file = (directory: string, name: string, text: string): string => {
  const written = path.join(directory, name)
  writeFileSync(written, text)
  return written
}

// ---------------------------------------------------------------------------
// other processes
// ---------------------------------------------------------------------------

const command = ({ args, compiled }: Started): ReadonlyArray<string> =>
  compiled === undefined
    ? ["--import", "tsx", "--conditions=@effect-avm/source", path.join(root, "packages/cli/src/main.ts"), ...args]
    : [compiled, ...args]

/**
 * The command as one JavaScript file, which starts several times as fast, and takes TypeScript as the published one does.
 * A program does not run on it: its instructions come from another copy of the machine.
 */
export const compile = (directory: string): Effect.Effect<string> =>
  Effect.promise(async () => {
    const outfile = path.join(directory, "avm.mjs")
    await build({
      entryPoints: [path.join(root, "packages/cli/src/main.ts")],
      outfile,
      bundle: true,
      format: "esm",
      platform: "node",
      conditions: ["@effect-avm/source"],
      external: ["tsx", "better-sqlite3"],
      banner: {
        js: `import { createRequire } from "node:module"; const require = createRequire(import.meta.url);`
      }
    })
    return outfile
  })

interface Started {
  readonly args: ReadonlyArray<string>
  /** What `compile` has made; straight from the sources without. */
  readonly compiled?: string
  /** Gets a signal when it has printed this. */
  readonly interruptAt?: string
  readonly signal?: NodeJS.Signals
  readonly env?: NodeJS.ProcessEnv
  /** With one, the child writes to a terminal of its own, made by `script`. */
  readonly isTerminal?: boolean
  /** Closes the output after so many characters, as `head` does. */
  readonly closeAfter?: number
}

export const child = (started: Started): Effect.Effect<Ended> =>
  Effect.async<Ended>((resume) => {
    const own = command(started)
    const inTerminal = [process.execPath, ...own].map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ")
    const running = started.isTerminal === true
      ? spawn("script", ["-qec", inTerminal, "/dev/null"], { cwd: root, env: { ...process.env, ...started.env } })
      : spawn(process.execPath, own, { cwd: root, env: { ...process.env, ...started.env } })
    let [out, err, isTold] = ["", "", false]
    running.stdout.on("data", (chunk) => {
      out += String(chunk)
      if (started.interruptAt !== undefined && !isTold && out.includes(started.interruptAt)) {
        isTold = true
        // To a terminal the key is sent, as a person does.
        if (started.isTerminal === true) running.stdin.write("\u0003")
        else running.kill(started.signal ?? "SIGINT")
      }
      if (started.closeAfter !== undefined && out.length > started.closeAfter) running.stdout.destroy()
    })
    running.stderr.on("data", (chunk) => {
      err += String(chunk)
    })
    running.on("close", (code) => resume(Effect.succeed({ code: code ?? -1, out, err })))
    return Effect.sync(() => void running.kill("SIGKILL"))
  })

/** Whether util-linux's `script` is here, which makes pseudo-terminals. */
export const hasTerminals: boolean = (() => {
  try {
    return execFileSync("script", ["--version"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).includes(
      "util-linux"
    )
  } catch {
    return false
  }
})()
