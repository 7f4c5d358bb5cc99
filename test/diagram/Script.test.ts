/**
 * The script of the page is made of the sources of functions: none of them may need anything that is not in it.
 */
import { assert, describe, it } from "@effect/vitest"
import * as vm from "node:vm"
import ts from "typescript"
import { script } from "../../packages/diagram/src/internal/script.js"

describe("the page's script", () => {
  it("is a script that compiles", () => {
    assert.doesNotThrow(() => new vm.Script(script()))
  })

  it("names nothing but its own and the browser's", () => {
    const host = ts.createCompilerHost({})
    const text = script()
    const options: ts.CompilerOptions = {
      allowJs: true,
      checkJs: true,
      noEmit: true,
      target: ts.ScriptTarget.ES2022,
      lib: ["lib.es2022.d.ts", "lib.dom.d.ts", "lib.dom.iterable.d.ts"],
      types: []
    }
    const original = host.getSourceFile
    const program = ts.createProgram(["page.js"], options, {
      ...host,
      fileExists: (file) => file === "page.js" || host.fileExists(file),
      getSourceFile: (file, language, ...rest) =>
        file === "page.js" ? ts.createSourceFile(file, text, language, true) : original(file, language, ...rest)
    })
    const source = program.getSourceFile("page.js")
    // "Cannot find name", with and without a suggestion: types are gone from the script, so the rest is noise.
    const unknown = program.getSemanticDiagnostics(source).filter(({ code }) =>
      [2304, 2552, 2503, 18004].includes(code)
    )
    assert.deepStrictEqual(unknown.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n")), [])
    assert.deepStrictEqual(program.getSyntacticDiagnostics(source).length, 0)
  })

  it("has nothing of the modules it came from", () => {
    assert.notMatch(script(), /__vi_|\brequire\(|\bimport\b/)
  })
})
