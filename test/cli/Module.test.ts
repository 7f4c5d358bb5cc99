/**
 * What a module must be to be run, and what is said of one that is not: each as a person would meet it, in a process of
 * its own.
 */
import { Module } from "@effect-avm/cli"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer } from "effect"
import { child, compile, file, inDirectory } from "./support.js"

const cases: ReadonlyArray<readonly [name: string, text: string | undefined, said: RegExp]> = [
  ["that is not there", undefined, /^avm: there is no module .*module\.ts$/],
  ["that does not compile", "export const program = {", /^avm: .*module\.ts does not compile: .*Transform failed/],
  [
    "that imports what is not there",
    `import "./nothing.js"`,
    /^avm: .*module\.ts failed while it was loaded: Cannot find/
  ],
  [
    "that throws",
    `throw new Error("out of \\u001b[31mluck")`,
    /module\.ts failed while it was loaded: out of \\u001b\[31mluck$/
  ],
  [
    "without a program",
    "export const other = 1",
    /has no program: it exports neither `program` nor a default \(it exports other\)$/
  ]
]

describe("a module", () => {
  it.live("that is none is told of in one message, with its exit code, and without a stack", () =>
    inDirectory((directory) =>
      Effect.gen(function*() {
        const files = cases.map(([, text], index) => {
          const name = `${index}-module.ts`
          return text === undefined ? `${directory}/${name}` : file(directory, name, text)
        })
        const compiled = yield* compile(directory)
        const ended = yield* Effect.forEach(files, (module) => child({ args: ["run", module], compiled }), {
          concurrency: 2
        })
        for (const [index, [name, , said]] of cases.entries()) {
          const { code, err, out } = ended[index]
          assert.match(err.trimEnd().split("\n")[0], said, name)
          assert.strictEqual(code, 3, name)
          assert.strictEqual(out, "", name)
          assert.notMatch(err, /^ +at /m, name)
        }
      })
    ))

  const given = (exports: Record<string, unknown>) => Effect.either(Module.fromExports("bank.ts", exports))

  it.effect("exports a program by name, by default, or as a definition", () =>
    Effect.gen(function*() {
      const program = Effect.succeed(1)
      const ask = (input: unknown) => Effect.succeed(input)
      for (
        const [exports, input] of [
          [{ program }, null],
          [{ default: program }, null],
          [{ default: { program, layer: Layer.empty, input: 3 } }, 3],
          [{ default: { program: ask, input: 3 } }, 3],
          [{ program: ask, layer: Layer.empty, input: "x" }, "x"]
        ] as const
      ) {
        const loaded = yield* Module.fromExports("modules/bank.ts", exports)
        assert.strictEqual(loaded.name, "bank.ts")
        assert.strictEqual(loaded.input, input)
        const run = loaded.program(loaded.input)
        assert.isTrue(Effect.isEffect(run))
      }
    }))

  it.live("needs no program where its behaviours alone are wanted", () =>
    inDirectory((directory) =>
      Effect.gen(function*() {
        const behaviours = `import { Layer } from "effect"\nexport const layer = Layer.empty`
        const module = file(directory, "behaviours.ts", behaviours)
        assert.strictEqual((yield* Module.loadLayer(module)).name, "behaviours.ts")
        assert.strictEqual((yield* Effect.flip(Module.load(module)))._tag, "NoProgram")
        const byDefault = file(directory, "default.ts", `${behaviours}\nexport default { layer }`)
        assert.isTrue(Layer.isLayer((yield* Module.loadLayer(byDefault)).layer))
        const other = yield* Effect.flip(Module.loadLayer(file(directory, "other.ts", "export const other = 1")))
        assert.match(other.message, /it exports neither `layer` nor a default$/)
      })
    ))

  it.effect("says what is wrong with what it exports", () =>
    Effect.gen(function*() {
      for (
        const [exports, reason] of [
          [{}, /nor anything else/],
          [{ default: 3 }, /neither an Effect nor a function/],
          [{ default: { program: "x" } }, /neither an Effect nor a function/],
          [{ program: Effect.void, layer: 3 }, /`layer` is not a Layer/]
        ] as const
      ) {
        const refused = yield* given(exports)
        assert.isTrue(refused._tag === "Left" && reason.test(refused.left.message), String(refused))
      }
    }))
})
