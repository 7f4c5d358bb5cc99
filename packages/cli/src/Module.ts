/**
 * What a module exports so that `avm run` can run it, and how it is loaded.
 *
 * Either of:
 *
 * - `export const program`, and `export const layer` with its behaviours (and `export const input`, for when none is given);
 * - `export default` the same as an object, as `Module.make` checks it; or a program alone.
 *
 * A program is an Effect of instructions, or a function from its input to one. The machine is not its business: the command
 * provides it, in memory or on a file. TypeScript is taken as it is. Pinned by `test/cli/Module.test.ts`.
 *
 * @since 0.1.0
 */
import type { Avm, InstructionSet, Val } from "@effect-avm/core"
import type * as TxPlace from "@effect-avm/core/TxPlace"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as fs from "node:fs/promises"
import * as path from "node:path"
import { pathToFileURL } from "node:url"
import { register } from "tsx/esm/api"
import { ModuleNotCompiled, ModuleNotFound, ModuleThrew, NoProgram } from "./CliError.js"

// ---------------------------------------------------------------------------
// models
// ---------------------------------------------------------------------------

/**
 * What a program may need: the machine, and what its own layer provides.
 *
 * @since 0.1.0
 * @category models
 */
export type Given = InstructionSet.Safe | TxPlace.OutsideTx | Avm.Platform

/**
 * @since 0.1.0
 * @category models
 */
export interface Module<A = unknown, E = unknown, Out = never, LE = unknown> {
  readonly program: Effect.Effect<A, E, Given | Out> | ((input: Val.Val) => Effect.Effect<A, E, Given | Out>)
  /** The behaviours, and whatever else the program and they need. */
  readonly layer: Layer.Layer<Out, LE, Avm.Platform>
  /** For a command line without `--input`; `null` without. */
  readonly input?: Val.Val
}

/**
 * A module as it was loaded: its types are gone.
 *
 * @since 0.1.0
 * @category models
 */
export interface Loaded extends LoadedLayer {
  readonly program: (input: Val.Val) => unknown
  /** Whether it is a function; an Effect asks for its input with `Introspect.input`. */
  readonly isFunction: boolean
  readonly input: Val.Val
}

/**
 * What is wanted of a module whose behaviours alone matter.
 *
 * @since 0.1.0
 * @category models
 */
export interface LoadedLayer {
  readonly name: string
  readonly layer: Layer.Layer<never, unknown, Avm.Platform>
}

// ---------------------------------------------------------------------------
// constructors
// ---------------------------------------------------------------------------

/**
 * Has the compiler check that the layer provides what the program needs.
 *
 * ```ts
 * import { Behaviour, Introspect, Obj } from "@effect-avm/core"
 * import { Module } from "@effect-avm/cli"
 * import { Effect } from "effect"
 * import * as assert from "node:assert/strict"
 *
 * const Echo = Behaviour.layerRaw("echo", Effect.map(Introspect.input, (input) => [input]))
 *
 * const module = Module.make({
 *   program: (input) => Effect.flatMap(Obj.create("echo"), (echo) => Obj.call(echo, input)),
 *   layer: Echo,
 *   input: "hello"
 * })
 * assert.equal(module.input, "hello")
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const make = <A, E, Out, LE>(module: Module<A, E, Out, LE>): Module<A, E, Out, LE> => module

// ---------------------------------------------------------------------------
// loading
// ---------------------------------------------------------------------------

/**
 * Runs the module's top level, once in a process, and takes from it what can be run.
 *
 * @since 0.1.0
 * @category loading
 */
export const load = (module: string): Effect.Effect<Loaded, LoadError> =>
  Effect.flatMap(exportsOf(module), (exports) => fromExports(module, exports))

/**
 * The same, where its behaviours are wanted, and it may have no program. Its top level is run all the same.
 *
 * @since 0.1.0
 * @category loading
 */
export const loadLayer = (module: string): Effect.Effect<LoadedLayer, LoadError> =>
  Effect.flatMap(exportsOf(module), (exports) => layerFromExports(module, exports))

/**
 * @since 0.1.0
 * @category errors
 */
export type LoadError = ModuleNotFound | ModuleNotCompiled | ModuleThrew | NoProgram

const exportsOf = (module: string): Effect.Effect<Exports, LoadError> =>
  Effect.gen(function*() {
    const file = path.resolve(module)
    const found = yield* Effect.promise(() => fs.stat(file).catch(() => undefined))
    if (found === undefined || !found.isFile()) return yield* new ModuleNotFound({ module })
    yield* Effect.sync(takeTypeScript)
    return yield* Effect.tryPromise({
      // A namespace object, whose members are looked at below.
      try: () => import(pathToFileURL(file).href) as Promise<Exports>,
      catch: (thrown) => notLoaded(module, thrown)
    })
  })

type Exports = Readonly<Record<string, unknown>>

let takesTypeScript = false

/** Where this file is TypeScript itself, whoever runs it takes it already. */
const takeTypeScript = (): void => {
  if (takesTypeScript || import.meta.url.endsWith(".ts")) return
  takesTypeScript = true
  register()
}

const notLoaded = (module: string, thrown: unknown): ModuleNotCompiled | ModuleThrew => {
  const [name, message] = thrown instanceof Error ? [thrown.name, thrown.message] : ["", ""]
  const isSyntax = name === "SyntaxError" || name === "TransformError" || /^Transform failed/.test(message)
  return isSyntax ? new ModuleNotCompiled({ module, reason: message }) : new ModuleThrew({ module, thrown })
}

/**
 * @internal
 */
export const fromExports = (module: string, exports: Exports): Effect.Effect<Loaded, NoProgram> => {
  const { input = null, program } = definitionIn(exports)
  const none = (reason: string) => new NoProgram({ module, reason })
  if (program === undefined) {
    const names = Object.keys(exports)
    return none(
      "it exports neither `program` nor a default" +
        (names.length === 0 ? ", nor anything else" : ` (it exports ${names.slice(0, 10).join(", ")})`)
    )
  }
  if (!Effect.isEffect(program) && !Predicate.isFunction(program)) {
    return none("what it exports as its program is neither an Effect nor a function")
  }
  return Effect.map(layerFromExports(module, exports), (loaded) => ({
    ...loaded,
    program: Effect.isEffect(program) ? () => program : (input) => program(input),
    isFunction: !Effect.isEffect(program),
    // Checked by the machine, which takes nothing else for an input.
    input: input as Val.Val
  }))
}

const layerFromExports = (module: string, exports: Exports): Effect.Effect<LoadedLayer, NoProgram> => {
  const { layer, program } = definitionIn(exports)
  if (layer === undefined && program === undefined) {
    return new NoProgram({ module, reason: "it exports neither `layer` nor a default" })
  }
  if (layer !== undefined && !Layer.isLayer(layer)) {
    return new NoProgram({ module, reason: "what it exports as `layer` is not a Layer" })
  }
  return Effect.succeed({
    name: path.basename(module),
    // What it needs and provides cannot be seen in it: what is missing is a defect when it is built.
    layer: (layer ?? Layer.empty) as Layer.Layer<never, unknown, Avm.Platform>
  })
}

/** The default where it is a definition, else what has the names of its members. */
const definitionIn = (exports: Exports): Exports => {
  const given = exports.default
  const isDefinition = Predicate.isRecord(given) && !Effect.isEffect(given) && ("program" in given || "layer" in given)
  // A record, as was just seen, with members that are looked at by whoever asked.
  return isDefinition ? given as Exports : { ...exports, program: given ?? exports.program }
}
