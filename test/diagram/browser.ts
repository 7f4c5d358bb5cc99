/**
 * A real browser for tests, if the machine has one: `CHROMIUM_PATH`, or what Debian and Google install.
 */
import { existsSync } from "node:fs"
import { type Browser, chromium } from "playwright-core"

const places = [
  process.env.CHROMIUM_PATH,
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
  "/usr/bin/google-chrome-stable"
]

/** Nothing else is tried: a test says so in its name where there is none. */
export const executable: string | undefined = places.find((place) => place !== undefined && existsSync(place))

export const launch = (): Promise<Browser> =>
  chromium.launch({
    executablePath: executable ?? "",
    args: [
      "--headless",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync"
    ]
  })
