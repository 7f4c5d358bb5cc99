/**
 * The strip beside the chart: all of the trace at once, with the part that is in sight. It runs in the page, see
 * `draw.ts`.
 */
import type { Dom } from "./dom.js"
import type { Model } from "./model.js"
import type { Scene } from "./scene.js"

export interface Overview {
  /** After a change of the filter, the colours or the size. */
  readonly redraw: () => void
  readonly render: () => void
}

export const makeOverview = (dom: Dom, model: Model, scene: Scene): Overview => {
  const { data } = model
  const canvas = dom.find("overview")
  if (!(canvas instanceof HTMLCanvasElement)) throw new Error("overview is no canvas.")
  const all = document.createElement("canvas")
  const colour = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`)

  /** Steps are thin lines, transactions bars, errors and aborts marks. */
  const redraw = (): void => {
    const ratio = Math.min(devicePixelRatio, 2)
    const { clientHeight, clientWidth } = canvas
    for (const each of [canvas, all]) {
      each.width = clientWidth * ratio
      each.height = clientHeight * ratio
    }
    const pen = all.getContext("2d")
    if (pen === null) return
    pen.scale(ratio, ratio)
    pen.clearRect(0, 0, clientWidth, clientHeight)
    const total = model.shown.length
    const y = (position: number): number => position / Math.max(total, 1) * clientHeight
    const tall = Math.max(clientHeight / Math.max(total, 1), 1)
    for (const { begin, end, outcome } of data.transactions) {
      const from = model.position(begin)
      const to = model.position(end + 1)
      if (to <= from) continue
      pen.fillStyle = colour(outcome)
      pen.globalAlpha = 0.75
      pen.fillRect(4, y(from), 4, Math.max(y(to) - y(from) - 0.5, 1))
    }
    const colours: Record<string, string> = {
      call: colour("call"),
      reply: colour("reply"),
      create: colour("create"),
      destroy: colour("destroy"),
      state: colour("state"),
      send: colour("send"),
      receive: colour("send"),
      error: colour("error")
    }
    // Of the steps that share a line of the strip one is drawn, but errors all.
    let drawn = -1
    for (let position = 0; position < total; position++) {
      const kind = model.kind(model.shown[position])
      const line = Math.floor(y(position))
      if (line === drawn && kind !== "error") continue
      drawn = line
      pen.globalAlpha = kind === "error" ? 1 : 0.4
      pen.fillStyle = colours[kind] ?? colour("place")
      if (kind === "error") pen.fillRect(2, y(position) - 1, clientWidth - 4, Math.max(Math.min(tall, 4), 2))
      else pen.fillRect(12, y(position), clientWidth - 18, Math.max(Math.min(tall * 0.5, 3), 0.6))
    }
    render()
  }

  const render = (): void => {
    const pen = canvas.getContext("2d")
    if (pen === null || all.width === 0 || all.height === 0) return
    const { height, width } = canvas
    pen.clearRect(0, 0, width, height)
    pen.drawImage(all, 0, 0)
    const [from, to] = scene.extent()
    pen.fillStyle = colour("call")
    pen.globalAlpha = 0.13
    pen.fillRect(0, from * height, width, Math.max((to - from) * height, 4))
    pen.globalAlpha = 0.9
    pen.fillRect(0, model.position(model.cursor) / Math.max(model.shown.length, 1) * height, width, 2)
    pen.globalAlpha = 1
  }

  const go = (event: PointerEvent): void => {
    scene.scrollTo((event.clientY - canvas.getBoundingClientRect().top) / Math.max(canvas.clientHeight, 1))
    render()
  }
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId)
    go(event)
  })
  canvas.addEventListener("pointermove", (event) => {
    if (canvas.hasPointerCapture(event.pointerId)) go(event)
  })

  return { redraw, render }
}
