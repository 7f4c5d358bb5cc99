import { defineConfig } from "vitest/config"

export default defineConfig({
  resolve: { conditions: ["@effect-avm/source"] },
  ssr: { resolve: { conditions: ["@effect-avm/source"] } },
  test: {
    root: import.meta.dirname,
    include: ["**/*.test.ts"],
    setupFiles: ["setup.ts"],
    exclude: [".examples/**"],
    testTimeout: process.env.SOAK === undefined ? 60_000 : 1_500_000
  }
})
