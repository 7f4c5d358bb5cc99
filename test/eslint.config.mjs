// How the repository is linted and formatted: Effect's own dprint settings, and the rules of docs/CONTRIBUTING.md that
// a linter can see. What needs more than one file to be seen is in `tidy.test.ts`. Patterns are relative to the root,
// from which `npm run lint` runs. Without type information, so that it takes seconds.
import * as effect from "@effect/eslint-plugin"
import js from "@eslint/js"
import { defineConfig, globalIgnores } from "eslint/config"
import tseslint from "typescript-eslint"

export default defineConfig(
  globalIgnores(["**/node_modules", "**/dist", "**/coverage", "**/.examples"]),
  js.configs.recommended,
  tseslint.configs.recommended,
  effect.configs.dprint,
  {
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      // format, as Effect-TS/effect has it
      "@effect/dprint": ["error", {
        config: {
          indentWidth: 2,
          lineWidth: 120,
          semiColons: "asi",
          quoteStyle: "alwaysDouble",
          trailingCommas: "never",
          operatorPosition: "maintain",
          "arrowFunction.useParentheses": "force"
        }
      }],

      // types say it
      "@typescript-eslint/array-type": ["error", { default: "generic", readonly: "generic" }],
      "@typescript-eslint/ban-ts-comment": ["error", {
        "ts-ignore": true,
        "ts-nocheck": true,
        "ts-expect-error": "allow-with-description"
      }],
      "@typescript-eslint/consistent-type-imports": ["error", {
        fixStyle: "inline-type-imports",
        disallowTypeAnnotations: false
      }],
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/no-import-type-side-effects": "error",
      "@typescript-eslint/no-non-null-assertion": "error",
      "@typescript-eslint/no-unused-vars": ["error", {
        argsIgnorePattern: "^_",
        caughtErrorsIgnorePattern: "^_",
        destructuredArrayIgnorePattern: "^_",
        varsIgnorePattern: "^_"
      }],
      // an instruction without arguments has `{}`, and each instruction is an interface of its own, for its name's sake
      "@typescript-eslint/no-empty-object-type": "off",

      // nothing is swallowed, nothing is left over
      "no-empty": ["error", { allowEmptyCatch: false }],
      "object-shorthand": "error",
      // a handler may be a generator only because its neighbours are
      "require-yield": "off"
    }
  },
  {
    files: ["packages/*/src/**/*.ts"],
    ignores: ["packages/bench/**"],
    rules: {
      "no-console": "error",
      // the barrel of `effect` costs a library's users their bundle size
      "@effect/no-import-from-barrel-package": ["error", {
        packageNames: ["effect", "@effect/platform", "@effect/rpc"]
      }]
    }
  },
  {
    // what must not compile: the line above tells why, often for several lines at once
    files: ["test/types/**/*.ts"],
    rules: {
      "@typescript-eslint/ban-ts-comment": ["error", {
        "ts-ignore": true,
        "ts-nocheck": true,
        "ts-expect-error": false
      }]
    }
  }
)
