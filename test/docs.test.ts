// Every ```ts fence in README.md, in docs/ and in the docstrings of packages/*/src and examples is a module of its own:
// it type-checks, it runs to completion, and it asserts something. One that is a test file has its tests run.
import { assert, describe, it } from "@effect/vitest"
import * as fs from "node:fs"
import * as path from "node:path"
import ts from "typescript"

const root = path.resolve(import.meta.dirname, "..")
const out = path.join(import.meta.dirname, ".examples")

interface Fence {
  /** Where it stands: `docs/TRANSACTIONS.md:12`. */
  readonly name: string
  readonly language: string
  readonly code: string
}

const fencesOf = (file: string): ReadonlyArray<Fence> => {
  const text = fs.readFileSync(file, "utf8")
  const prose = file.endsWith(".ts") ? docstringsOf(text) : text
  return [...prose.matchAll(/^```(\w*)[^\n]*\n([\s\S]*?)^```$/gm)].map(([_, language, code], index, all) => ({
    name: `${path.relative(root, file)}:${lineOf(prose, all[index].index)}`,
    language,
    code
  }))
}

/** The text with all but its docstrings blanked out, and these without their stars. Lines stay where they are. */
const docstringsOf = (source: string): string => {
  const lines: Array<string> = []
  let inside = false
  for (const line of source.split("\n")) {
    if (/^\s*\/\*\*/.test(line)) inside = true
    lines.push(inside ? line.replace(/^\s*\* ?/, "") : "")
    if (line.includes("*/")) inside = false
  }
  return lines.join("\n")
}

const lineOf = (text: string, offset: number): number => text.slice(0, offset).split("\n").length

const fileOf = (fence: Fence): string => path.join(out, `${fence.name.replace(/\W+/g, "_")}.ts`)

const fences = ts.sys.readDirectory(root, [".md", ".ts"], ["**/node_modules", "**/dist"], [
  "README.md",
  "docs/**/*.md",
  "packages/*/README.md",
  "packages/*/src/**/*.ts",
  "examples/**/*.ts"
]).flatMap(fencesOf)

const examples = fences.filter(({ language }) => language === "ts")

// Only what has changed is written, so that two runs at once do not take each other's files away.
fs.mkdirSync(out, { recursive: true })
for (const example of examples) {
  const file = fileOf(example)
  if (!fs.existsSync(file) || fs.readFileSync(file, "utf8") !== example.code) fs.writeFileSync(file, example.code)
}
const current = new Set(examples.map(fileOf))
for (const name of fs.readdirSync(out)) {
  if (!current.has(path.join(out, name))) fs.rmSync(path.join(out, name), { recursive: true })
}

describe("documentation examples", () => {
  it("are found", () => {
    assert.include(examples.map(({ name }) => name.replace(/:\d+$/, "")), "packages/core/src/Avm.ts")
  })

  it("call TypeScript `ts`, so that none goes unchecked", () => {
    const unchecked = fences.filter(({ language }) => ["typescript", "tsx", "js", "javascript"].includes(language))
    assert.deepStrictEqual(unchecked.map(({ name }) => name), [])
  })

  it("assert something", () => {
    const silent = examples.filter(({ code }) => !/\bassert\b/.test(code))
    assert.deepStrictEqual(silent.map(({ name }) => name), [])
  })

  it("type-check", () => {
    const { config } = ts.readConfigFile(path.join(root, "tsconfig.json"), ts.sys.readFile)
    const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, root)
    const program = ts.createProgram(examples.map(fileOf), {
      ...options,
      composite: false,
      declaration: false,
      declarationMap: false,
      moduleDetection: ts.ModuleDetectionKind.Force,
      noEmit: true,
      sourceMap: false,
      typeRoots: [path.join(root, "node_modules/@types")],
      types: ["node"]
    })
    // The packages themselves are the business of `tsc -b`.
    const diagnostics = [
      ...program.getOptionsDiagnostics(),
      ...program.getGlobalDiagnostics(),
      ...examples.flatMap((example) => ts.getPreEmitDiagnostics(program, program.getSourceFile(fileOf(example))))
    ]
    assert.strictEqual(ts.formatDiagnostics(diagnostics, ts.createCompilerHost(options)), "")
  })

  for (const example of examples) {
    // What is a test file itself adds its tests to these.
    if (example.code.includes(`from "@effect/vitest"`)) describe(example.name, () => import(fileOf(example)))
    else it(example.name, () => import(fileOf(example)))
  }
})
