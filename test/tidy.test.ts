// The house rules that a linter cannot see, as tests: who may import whom, what is banned where, what a module looks
// like, and that docs/spec-map.md leads from every rule of the specification to a live test.
import { assert, describe, it } from "@effect/vitest"
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import * as path from "node:path"
import ts from "typescript"

// ---------------------------------------------------------------------------
// tables
// ---------------------------------------------------------------------------

/** The workspace packages that the sources of each package may import. */
const packages: Readonly<Record<string, ReadonlyArray<string>>> = {
  bench: ["core", "solver", "sqlite", "testkit"],
  cli: ["core", "diagram", "opentelemetry", "sqlite"],
  core: ["solver"],
  diagram: ["core"],
  opentelemetry: ["core"],
  solver: [],
  sqlite: ["core"],
  testkit: ["core"]
}

interface Room {
  readonly name: string
  readonly modules: ReadonlyArray<string>
  /** Rooms above that are closed to it all the same. */
  readonly never?: ReadonlyArray<string>
}

/**
 * The rooms of packages/core/src, as in docs/ARCHITECTURE.md: a module imports from its own room and from those above
 * it. What is in `internal/` and not named here is the kernel's; the others stand where the public modules stand that
 * they belong to.
 */
const rooms: ReadonlyArray<Room> = [
  {
    name: "models",
    modules: [
      "Val",
      "ObjectId",
      "MachineId",
      "ControllerId",
      "TxId",
      "ObjectMeta",
      "TxPlace",
      "Constraint",
      "internal/direct",
      "internal/option",
      "internal/reasons",
      "internal/saying",
      "internal/schema",
      "internal/sync",
      "internal/valBinary",
      "internal/valCheck",
      "internal/valJson",
      "internal/valWalk"
    ]
  },
  { name: "errors and events", modules: ["AvmError", "TraceEvent", "internal/trust", "internal/stackless"] },
  {
    name: "ports",
    modules: [
      "Mailboxes",
      "ObjectStore",
      "Reachability",
      "Scheduling",
      "IdGenerator",
      "Trace",
      "internal/delivery",
      "internal/fifo",
      "internal/following",
      "internal/memoryMailboxes",
      "internal/held",
      "internal/memoryLog",
      "internal/memoryStore",
      "internal/storeSteps"
    ]
  },
  {
    name: "where programs stand",
    modules: [
      "internal/budget",
      "internal/choices",
      "internal/deciding",
      "internal/differs",
      "internal/eager",
      "internal/forks",
      "internal/frame",
      "internal/pendingMessages",
      "internal/planning",
      "internal/interning",
      "internal/judging",
      "internal/lowering",
      "internal/privilege",
      "internal/refusals",
      "internal/settling",
      "internal/shifting",
      "internal/sketch",
      "internal/space",
      "internal/spans",
      "internal/transaction",
      "internal/variables",
      "internal/waiting"
    ]
  },
  {
    name: "instructions",
    modules: [
      "Instr",
      "internal/choosing",
      "internal/instruction",
      "internal/intercepting",
      "internal/native",
      "internal/peek",
      "internal/recording",
      "internal/rerunning",
      "internal/solving"
    ]
  },
  {
    name: "families",
    modules: ["Obj", "Introspect", "Reflect", "Reify", "Tx", "Pure", "Machine", "Controller", "internal/bracket"],
    never: ["families", "ports"]
  },
  {
    name: "constraints",
    modules: ["FD", "Nondet", "Intent", "internal/domain", "internal/searching"],
    never: ["ports"]
  },
  { name: "instruction set", modules: ["InstructionSet"], never: ["ports"] },
  {
    name: "behaviours",
    modules: [
      "Behaviour",
      "Outbox",
      "Turns",
      "internal/plainSchema",
      "internal/registry",
      "internal/typed",
      "internal/valSchema"
    ]
  },
  { name: "kernel", modules: [] },
  { name: "assembly", modules: ["Avm"] },
  { name: "index", modules: ["index"] }
]

/** Where time, chance and output come in: the modules that may name what is banned, and what they may name. */
const adapters: Readonly<Record<string, ReadonlyArray<string>>> = {
  "packages/cli/src/Term.ts": ["process.stdout", "process.stderr", "process.env"],
  "packages/cli/src/main.ts": [
    "process.argv",
    "process.exit",
    "process.exitCode",
    "process.once",
    "setImmediate",
    "setInterval"
  ],
  "packages/core/src/IdGenerator.ts": ["randomBytes"],
  "packages/core/src/internal/eager.ts": ["setImmediate"],
  "packages/solver/src/internal/pace.ts": ["setImmediate"],
  "packages/sqlite/src/Failure.ts": ["process.pid"],
  "packages/sqlite/src/internal/file.ts": ["process.pid"],
  "packages/sqlite/src/internal/pace.ts": ["setImmediate"]
}

/** Modules with more than `maxLines` lines, and why they are not split. */
const maxLines = 500
const long: Readonly<Record<string, string>> = {
  "packages/core/src/AvmError.ts": "a flat list, most of it prose; errors are in one file",
  "packages/core/src/Obj.ts": "one family of nine instructions, most of it prose; a family is one file"
}

/** Tests of the machine that have something on the memory store alone, and why that is enough. */
const inMemoryAlone: Readonly<Record<string, string>> = {
  "test/concurrency/History.test.ts": "what the recorder writes down; it passes the laws over every store",
  "test/concurrency/Scheduler.test.ts": "the order of fibers, whatever they do",
  "test/core/BadInput.test.ts": "behaviours that cannot be registered",
  "test/core/Depth.test.ts": "the state of a program, which is in no store",
  "test/core/Instr.test.ts": "a program without objects",
  "test/core/Peek.test.ts": "effects that are no instructions",
  "test/core/Spans.test.ts": "the memory store made slow, beside the others",
  "test/core/Strays.test.ts": "the memory store without its short way, beside the others",
  "test/core/driver/Corners.test.ts": "a program without objects"
}

const topLevel: ReadonlyArray<string> = [
  ".changeset",
  ".ci",
  ".editorconfig",
  ".gitignore",
  ".npmrc",
  "CHANGELOG.md",
  "LICENSE",
  "README.md",
  "docs",
  "examples",
  "package-lock.json",
  "package.json",
  "packages",
  "test",
  "tsconfig.json"
]

// ---------------------------------------------------------------------------
// files
// ---------------------------------------------------------------------------

const root = path.resolve(import.meta.dirname, "..")

const git = (...args: ReadonlyArray<string>): ReadonlyArray<string> =>
  execFileSync("git", ["-C", root, "-c", "safe.directory=*", ...args], { encoding: "utf8" }).split("\n").filter((
    line
  ) => line !== "")

const exists = (file: string): boolean => fs.existsSync(path.join(root, file))

const read = (file: string): string => fs.readFileSync(path.join(root, file), "utf8")

const files = git("ls-files", "--cached", "--others", "--exclude-standard").filter(exists)

interface Module {
  /** Relative to the root. */
  readonly file: string
  /** The package, for the sources of one. */
  readonly owner: string | undefined
  /** Its name within the package: `internal/kernel`. */
  readonly name: string
  readonly text: string
  readonly source: ts.SourceFile
  /** Its syntax in order of appearance, without the comments. */
  readonly nodes: ReadonlyArray<ts.Node>
}

const modules: ReadonlyArray<Module> = files.filter((file) => /\.m?ts$/.test(file)).map((file) => {
  const [, owner, name] = /^packages\/([^/]+)\/src\/(.+)\.ts$/.exec(file) ?? []
  const text = read(file)
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true)
  const nodes: Array<ts.Node> = []
  const visit = (node: ts.Node): void => {
    nodes.push(node)
    ts.forEachChild(node, visit)
  }
  visit(source)
  return { file, owner, name: name ?? file, text, source, nodes }
})

const sources = modules.filter(({ owner }) => owner !== undefined)

const manifest = (owner: string | undefined) => JSON.parse(read(`packages/${owner}/package.json`))

/** The sources that users get. A private package may look at the clock, and print what it saw. */
const published = sources.filter(({ owner }) => manifest(owner).private !== true)

const at = (module: Module, node: ts.Node): string =>
  `${module.file}:${module.source.getLineAndCharacterOfPosition(node.getStart(module.source)).line + 1}`

interface Import {
  readonly node: ts.Node
  readonly from: string
}

const importsOf = (module: Module): ReadonlyArray<Import> =>
  module.nodes.flatMap((node): ReadonlyArray<Import> => {
    const specifier = ts.isImportDeclaration(node) || ts.isExportDeclaration(node)
      ? node.moduleSpecifier
      : ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)
      ? node.argument.literal
      : ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword
      ? node.arguments[0]
      : undefined
    return specifier !== undefined && ts.isStringLiteral(specifier) ? [{ node, from: specifier.text }] : []
  })

/** What a rule finds is a list of sentences, so that a failure says where. */
const none = (found: ReadonlyArray<string>): void => assert.strictEqual(found.join("\n"), "")

// ---------------------------------------------------------------------------
// imports
// ---------------------------------------------------------------------------

const packageOf = (from: string): string => from.split("/").slice(0, from.startsWith("@") ? 2 : 1).join("/")

/** The module of the same package that a relative import names. */
const target = (module: Module, from: string): string =>
  path.posix.join(path.posix.dirname(module.name), from).replace(/\.js$/, "")

const roomOf = (name: string): number => {
  const index = rooms.findIndex((room) => room.modules.includes(name))
  return index === -1 && name.startsWith("internal/") ? rooms.findIndex((room) => room.name === "kernel") : index
}

describe("imports", () => {
  it("go from package to package in one direction", () =>
    none(sources.flatMap((module) => {
      const allowed = packages[module.owner ?? ""]
      if (allowed === undefined) return [`${module.file}: its package has no row in the table above`]
      return importsOf(module)
        .filter(({ from }) => from.startsWith("@effect-avm/") && !allowed.includes(packageOf(from).split("/")[1]))
        .map(({ from, node }) => `${at(module, node)}: ${module.owner} does not import ${from}`)
    })))

  it("stay within the sources of their package, or go by its name", () =>
    none(sources.flatMap((module) =>
      importsOf(module)
        .filter(({ from }) => from.startsWith(".") && target(module, from).startsWith(".."))
        .map(({ from, node }) => `${at(module, node)}: ${from}`)
    )))

  it("name what package.json declares", () =>
    none(sources.flatMap((module) => {
      const { dependencies = {}, peerDependencies = {} } = manifest(module.owner)
      return importsOf(module)
        .filter(({ from }) => !/^(\.|node:)/.test(from))
        .filter(({ from }) => !(packageOf(from) in dependencies || packageOf(from) in peerDependencies))
        .map(({ from, node }) => `${at(module, node)}: packages/${module.owner} does not depend on ${packageOf(from)}`)
    })))

  const core = sources.filter(({ owner }) => owner === "core")

  it("in core go from room to room in one direction", () =>
    none(core.flatMap((module) => {
      const here = roomOf(module.name)
      if (here === -1) return [`${module.file}: in no room of the table above`]
      return importsOf(module).filter(({ from }) => from.startsWith(".")).flatMap(({ from, node }) => {
        const there = roomOf(target(module, from))
        // What is internal to a room is the other half of one of its modules.
        const half = there === here && [module.name, target(module, from)].some((name) => name.startsWith("internal/"))
        const closed = there > here || (!half && rooms[here].never?.includes(rooms[there]?.name))
        const sentence = `${rooms[here].name} do not import ${rooms[there]?.name} (${from})`
        return closed ? [`${at(module, node)}: ${sentence}`] : []
      })
    })))

  it("have rooms of modules that exist", () => {
    const names = new Set(core.map(({ name }) => name))
    none(rooms.flatMap((room) => room.modules).filter((name) => !names.has(name)))
  })
})

// ---------------------------------------------------------------------------
// modules
// ---------------------------------------------------------------------------

describe("modules", () => {
  it("say what they are for", () =>
    none(
      modules
        .filter(({ file, owner, text }) =>
          owner === undefined
            ? !/^(#!.*\n)?\/[*/]/.test(text) && !file.endsWith(".config.ts")
            : !/^\/\*\*\n \* \S/.test(text)
        )
        .map(({ file }) => `${file}: no header comment`)
    ))

  it("name tests and documents that exist", () =>
    none(modules.flatMap(({ file, text }) =>
      [...text.matchAll(/`((?:test|docs|packages|examples)\/[\w./-]+)`/g)]
        .filter(([, named]) => !exists(named))
        .map(([, named]) => `${file}: there is no ${named}`)
    )))

  it("are short", () =>
    none(sources.flatMap(({ file, text }) => {
      const lines = text.trimEnd().split("\n").length
      return lines > maxLines && !(file in long) ? [`${file}: ${lines} lines, split it`] : []
    })))

  it("document what they export: since when, and under which category", () =>
    none(
      published.filter(({ name }) => !name.startsWith("internal/") && name !== "index").flatMap((module) =>
        module.source.statements.flatMap((statement) => {
          const exported = ts.canHaveModifiers(statement) &&
            ts.getModifiers(statement)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)
          if (!exported) return []
          const tags = ts.getJSDocTags(statement).map(({ tagName }) => tagName.text)
          const documented = tags.includes("since") && tags.filter((tag) => tag === "category").length === 1
          return documented || tags.includes("internal") ? [] : [`${at(module, statement)}: @since and one @category`]
        })
      )
    ))
})

// ---------------------------------------------------------------------------
// words
// ---------------------------------------------------------------------------

const impure = new RegExp(
  "^(" + [
    "Date\\.now",
    "Math\\.random",
    "performance\\.now",
    "(globalThis\\.)?set(Timeout|Interval|Immediate)",
    "(crypto\\.)?random(Bytes|UUID|Int)",
    "console\\.\\w+",
    "process\\.\\w+"
  ].join("|") + ")$"
)

/** The function or the property that a node names, if it is one that reads or does something on the side. */
const sideEffect = (node: ts.Node): string | undefined => {
  if (ts.isNewExpression(node) && node.expression.getText() === "Date") return "new Date"
  if (ts.isPropertyAccessExpression(node) || (ts.isCallExpression(node) && ts.isIdentifier(node.expression))) {
    const text = ts.isCallExpression(node) ? node.expression.getText() : node.getText()
    if (impure.test(text)) return text
  }
  return undefined
}

const innermost = (node: ts.Expression): string =>
  ts.isPropertyAccessExpression(node) || ts.isCallExpression(node) ? innermost(node.expression) : node.getText()

const shortcut = (node: ts.Node): string | undefined => {
  if (ts.isNonNullExpression(node)) return "a non-null assertion"
  if (ts.isAsExpression(node) && node.type.kind === ts.SyntaxKind.AnyKeyword) return "a cast to any"
  if (
    ts.isPropertyAccessExpression(node) && /^(only|skip|todo)$/.test(node.name.text) &&
    /^(it|test|describe|suite)$/.test(innermost(node))
  ) {
    return `a test that is not run (${node.name.text})`
  }
  return undefined
}

describe("banned", () => {
  it("time, chance and output, outside the adapters", () =>
    none(published.flatMap((module) =>
      module.nodes.flatMap((node) => {
        const found = sideEffect(node)
        return found === undefined || adapters[module.file]?.includes(found) ? [] : [`${at(module, node)}: ${found}`]
      })
    )))

  it("shortcuts", () =>
    none(modules.flatMap((module) =>
      module.nodes.flatMap((node) => {
        const found = shortcut(node)
        return found === undefined ? [] : [`${at(module, node)}: ${found}`]
      })
    )))

  it("switching the compiler off", () =>
    none(
      modules.filter(({ text }) => /^.*(\/\/|\/\*|^\s*\*)\s*@ts-(ignore|nocheck)/m.test(text)).map(({ file }) => file)
    ))
})

// ---------------------------------------------------------------------------
// stores
// ---------------------------------------------------------------------------

describe("tests of the machine", () => {
  const ofMachine = modules.filter(({ file }) => /^test\/(concurrency|conformance|core|model|turns)\//.test(file))
  const inMemory = ofMachine.filter(({ text }) => /\b(Avm|ObjectStore)\.layerMemory/.test(text)).map(({ file }) => file)

  it("run on every store (test/support/Stores.ts), or are in the table above", () =>
    none(inMemory.filter((file) => !(file in inMemoryAlone))))

  it("are in the table only as long as they are not", () =>
    none(Object.keys(inMemoryAlone).filter((file) => !inMemory.includes(file))))
})

// ---------------------------------------------------------------------------
// the repository
// ---------------------------------------------------------------------------

describe("the repository", () => {
  it("has no generated file", () => none(git("ls-files", "--cached", "--ignored", "--exclude-standard")))

  it("has no file of another kind between its sources", () =>
    none(files.filter((file) => /^packages\/[^/]+\/src\//.test(file) && !file.endsWith(".ts"))))

  it("has few things at the top", () =>
    none([...new Set(files.map((file) => file.split("/")[0]))]
      .filter((name) => !topLevel.includes(name))))
})

// ---------------------------------------------------------------------------
// docs/spec-map.md
// ---------------------------------------------------------------------------

/**
 * `| rule | what | where | test |`: where = paths in backticks, test = `path` — "title", several of either allowed; or
 * `later: <capability>` in both.
 */
interface Row {
  readonly rules: ReadonlyArray<string>
  readonly where: string
  readonly test: string
  readonly line: string
}

const rowsOf = (text: string): ReadonlyArray<Row> =>
  text.split("\n").flatMap((line, index): ReadonlyArray<Row> => {
    // A `\|` is part of its cell.
    const [rule, _what, where, test] = line.split(/(?<!\\)\|/).slice(1, -1).map((cell) => cell.trim())
    if (test === undefined || rule === "rule" || /^:?-+:?$/.test(rule)) return []
    return [{
      rules: rule.match(/\b[DA]\d+\b/g) ?? [],
      where,
      test: test.replaceAll("\\|", "|"),
      line: `docs/spec-map.md:${index + 1}`
    }]
  })

const numbered = (letter: string, count: number): ReadonlyArray<string> =>
  Array.from({ length: count }, (_, index) => `${letter}${index + 1}`)

const isLater = (cell: string): boolean => /^later: \S/.test(cell)

const lostFiles = ({ line, where }: Row): ReadonlyArray<string> => {
  const named = [...where.matchAll(/`([^`]+)`/g)].map(([, file]) => file)
  if (named.length === 0) return [`${line}: no path in backticks`]
  return named.filter((file) => !exists(file)).map((file) => `${line}: there is no ${file}`)
}

const lostTests = ({ line, test }: Row): ReadonlyArray<string> => {
  const named = [...test.matchAll(/`([^`]+)` — "([^"]+)"/g)]
  if (named.length === 0) return [`${line}: no \`path\` — "title"`]
  return named.flatMap(([, file, title]) => {
    if (!/^test\/.*\.(test\.ts|types\.ts|json)$|^packages\/testkit\/src\/.*\.ts$/.test(file)) {
      return [`${line}: ${file} is no test`]
    }
    if (!exists(file)) return [`${line}: there is no ${file}`]
    return read(file).includes(title) ? [] : [`${line}: ${file} has no test "${title}"`]
  })
}

describe("docs/spec-map.md", () => {
  const map = "docs/spec-map.md"
  const rules = [...numbered("D", 30), ...numbered("A", 43)]

  it("has a row for every decision and every ruling, and for no other", () => {
    const mapped = rowsOf(read(map)).flatMap((row) => row.rules)
    none([
      ...rules.filter((rule) => !mapped.includes(rule)).map((rule) => `${rule} has no row`),
      ...mapped.filter((rule) => !rules.includes(rule)).map((rule) => `${rule} is no rule`)
    ])
  })

  it("leads from each rule to files and live tests, or says what they wait for", () =>
    none(
      rowsOf(read(map)).flatMap((row) => {
        if (isLater(row.where) !== isLater(row.test)) return [`${row.line}: later in one column only`]
        return isLater(row.test) ? [] : [...lostFiles(row), ...lostTests(row)]
      })
    ))
})
