/**
 * Puts the parts of the page together: time, mouse, keyboard. It runs in the page, see `draw.ts`.
 */
import type { PageData } from "./data.js"
import type { Dom } from "./dom.js"
import type { Drawing } from "./draw.js"
import type { GraphDrawing } from "./drawGraph.js"
import type { Filters } from "./filters.js"
import type { GraphView } from "./graphView.js"
import type { Inspector } from "./inspector.js"
import type { Model } from "./model.js"
import type { Overview } from "./overview.js"
import type { Scene } from "./scene.js"

export interface Parts {
  readonly drawing: () => Drawing
  readonly graphDrawing: (draw: Drawing) => GraphDrawing
  readonly makeDom: () => Dom
  readonly makeModel: (data: PageData) => Model
  readonly makeScene: (dom: Dom, draw: Drawing, model: Model) => Scene
  readonly makeOverview: (dom: Dom, model: Model, scene: Scene) => Overview
  readonly makeGraphView: (dom: Dom, draw: GraphDrawing, model: Model) => GraphView
  readonly makeFilters: (dom: Dom, model: Model, changed: () => void) => Filters
  readonly makeInspector: (
    dom: Dom,
    model: Model,
    act: { readonly select: (line: number) => void; readonly goTo: (step: number) => void }
  ) => Inspector
}

export const boot = (parts: Parts): void => {
  const dom = parts.makeDom()
  // The page was written together with its data.
  const data = JSON.parse(dom.find("data").textContent ?? "") as PageData
  const model = parts.makeModel(data)
  const draw = parts.drawing()
  const scene = parts.makeScene(dom, draw, model)
  const overview = parts.makeOverview(dom, model, scene)
  const graph = parts.makeGraphView(dom, parts.graphDrawing(draw), model)
  const root = document.documentElement
  const stage = dom.find("stage")
  const tip = dom.find("tip")
  const slider = dom.input("slider")
  let view = data.options.view
  let playing = false

  // -------------------------------------------------------------------------
  // showing
  // -------------------------------------------------------------------------

  const render = (): void => {
    if (view === "messages") {
      scene.render()
      overview.render()
    } else graph.render()
  }
  const time = (): void => {
    const at = model.shown[model.position(model.cursor)] === model.cursor
      ? model.position(model.cursor)
      : model.position(model.cursor) - 1
    slider.max = String(Math.max(model.shown.length - 1, 0))
    slider.min = "-1"
    slider.value = String(at)
    const words = model.cursor < 0
      ? "before the first step"
      : `step ${model.cursor + 1} of ${model.count} · time ${data.steps.time[model.cursor]}`
    dom.find("when").textContent = words
    slider.setAttribute("aria-valuetext", words)
    dom.find("play").textContent = playing ? "❚❚" : "▶"
    dom.find("play").setAttribute("aria-label", playing ? "Pause" : "Play")
    inspector.render()
  }
  const goTo = (step: number): void => {
    model.cursor = Math.min(Math.max(step, -1), model.count - 1)
    tip.hidden = true
    if (view === "messages") {
      scene.reveal(Math.max(model.cursor, 0))
      overview.render()
    } else graph.render()
    time()
  }
  const select = (line: number): void => {
    model.selected = line
    render()
    inspector.render()
  }
  const inspector = parts.makeInspector(dom, model, { select, goTo })
  const changed = (): void => {
    const top = scene.top()
    model.refresh()
    scene.arrange()
    scene.toTop(top)
    render()
    overview.redraw()
    time()
  }
  const filters = parts.makeFilters(dom, model, changed)

  const show = (next: "messages" | "objects"): void => {
    view = next
    root.dataset.view = next
    for (const name of ["messages", "objects"]) {
      dom.find(`to-${name}`).setAttribute("aria-pressed", String(name === next))
    }
    tip.hidden = true
    if (next === "objects") graph.fit()
    else overview.redraw()
    render()
  }

  // -------------------------------------------------------------------------
  // time
  // -------------------------------------------------------------------------

  /** By steps that are shown. */
  const move = (by: number): void => {
    const at = model.position(model.cursor)
    const here = model.shown[at] === model.cursor
    const next = by < 0 || here ? at + by : at + by - 1
    goTo(next < 0 ? -1 : model.shown[Math.min(next, model.shown.length - 1)] ?? model.cursor)
  }
  const first = (): void => goTo(-1)
  const last = (): void => goTo(model.shown[model.shown.length - 1] ?? -1)
  const play = (): void => {
    playing = !playing
    if (playing && model.position(model.cursor) >= model.shown.length - 1) first()
    time()
    let due = 0
    const frame = (now: number): void => {
      if (!playing) return
      if (now >= due) {
        if (due !== 0) move(1)
        due = now + 450
      }
      if (model.position(model.cursor) >= model.shown.length - 1) playing = false
      if (playing) requestAnimationFrame(frame)
      else time()
    }
    if (playing) requestAnimationFrame(frame)
  }
  slider.addEventListener("input", () => {
    const at = Number(slider.value)
    goTo(at < 0 ? -1 : model.shown[at] ?? -1)
  })
  const click = (id: string, act: () => void): void => dom.find(id).addEventListener("click", act)
  click("first", first)
  click("back", () => move(-1))
  click("play", play)
  click("next", () => move(1))
  click("last", last)

  // -------------------------------------------------------------------------
  // mouse
  // -------------------------------------------------------------------------

  const current = (): { panBy: Scene["panBy"]; zoomBy: Scene["zoomBy"] } => view === "messages" ? scene : graph
  const inStage = (event: MouseEvent): readonly [number, number] => {
    const { left, top } = stage.getBoundingClientRect()
    return [event.clientX - left, event.clientY - top]
  }
  stage.addEventListener("wheel", (event) => {
    event.preventDefault()
    tip.hidden = true
    const unit = event.deltaMode === 0 ? 1 : 34
    if (event.ctrlKey || event.metaKey) {
      current().zoomBy(Math.exp(-event.deltaY * unit / 300), ...inStage(event))
    } else if (event.shiftKey) current().panBy(event.deltaY * unit, 0)
    else current().panBy(event.deltaX * unit, event.deltaY * unit)
    overview.render()
  }, { passive: false })

  let held: { x: number; y: number; moved: boolean } | undefined
  stage.addEventListener("pointerdown", (event) => {
    if (event.target === dom.find("overview") || event.button !== 0) return
    held = { x: event.clientX, y: event.clientY, moved: false }
  })
  stage.addEventListener("pointermove", (event) => {
    if (held === undefined) return hover(event)
    const [dx, dy] = [held.x - event.clientX, held.y - event.clientY]
    if (!held.moved && Math.hypot(dx, dy) < 4) return
    if (!held.moved) stage.setPointerCapture(event.pointerId)
    held = { x: event.clientX, y: event.clientY, moved: true }
    tip.hidden = true
    stage.classList.add("dragging")
    current().panBy(dx, dy)
    overview.render()
  })
  stage.addEventListener("pointerup", (event) => {
    stage.classList.remove("dragging")
    const wasClick = held !== undefined && !held.moved
    held = undefined
    if (!wasClick || !(event.target instanceof Element)) return
    const object = event.target.closest("[data-object]")?.getAttribute("data-object")
    if (object !== null && object !== undefined) return select(Number(object) === model.selected ? -1 : Number(object))
    if (view === "objects") return select(-1)
    const step = scene.stepAt(inStage(event)[1])
    if (step >= 0) goTo(step)
  })
  stage.addEventListener("pointercancel", () => {
    held = undefined
    stage.classList.remove("dragging")
  })
  stage.addEventListener("pointerleave", () => {
    tip.hidden = true
  })

  const hover = (event: PointerEvent): void => {
    const step = view === "messages" && event.target !== dom.find("overview") ? scene.stepAt(inStage(event)[1]) : -1
    const near = event.target instanceof Element && event.target.closest(".step > *") !== null
    tip.hidden = step < 0 || !near
    if (tip.hidden) return
    if (tip.dataset.step !== String(step)) {
      tip.dataset.step = String(step)
      dom.replace(tip, inspector.describe(step))
    }
    const [x, y] = inStage(event)
    const { clientHeight, clientWidth } = stage
    tip.style.left = `${Math.max(Math.min(x + 18, clientWidth - tip.offsetWidth - 12), 8)}px`
    const below = y + 22 + tip.offsetHeight < clientHeight
    tip.style.top = `${below ? y + 22 : Math.max(y - tip.offsetHeight - 16, 8)}px`
  }

  // -------------------------------------------------------------------------
  // buttons and keys
  // -------------------------------------------------------------------------

  const middle = (): readonly [number, number] => [stage.clientWidth / 2, stage.clientHeight / 2]
  const zoom = (factor: number): void => {
    current().zoomBy(factor, ...middle())
    overview.render()
  }
  const whole = (): void => {
    if (view === "messages") scene.reset()
    else graph.fit()
    overview.render()
  }
  const theme = (): void => {
    const isDark = root.dataset.theme === "dark" ||
      (root.dataset.theme !== "light" && matchMedia("(prefers-color-scheme: dark)").matches)
    root.dataset.theme = isDark ? "light" : "dark"
    overview.redraw()
  }
  const help = (): void => {
    const box = dom.find("help")
    if (box instanceof HTMLDialogElement) {
      if (box.open) box.close()
      else box.showModal()
    }
  }
  const group = (): void => {
    model.group = 1 - model.group
    dom.find("group").textContent = `grouped by ${model.group === 0 ? "controller" : "machine"}`
    scene.arrange()
    render()
  }
  click("to-messages", () => show("messages"))
  click("to-objects", () => show("objects"))
  click("zoom-in", () => zoom(1.2))
  click("zoom-out", () => zoom(1 / 1.2))
  click("zoom-reset", whole)
  click("theme", theme)
  click("group", group)
  click("ask", help)
  click("close-help", help)

  const keys: Record<string, () => void> = {
    ArrowDown: () => move(1),
    ArrowRight: () => move(1),
    ArrowUp: () => move(-1),
    ArrowLeft: () => move(-1),
    PageDown: () => move(10),
    PageUp: () => move(-10),
    Home: first,
    End: last,
    " ": play,
    "+": () => zoom(1.2),
    "-": () => zoom(1 / 1.2),
    "0": whole,
    "/": () => dom.input("search").focus(),
    g: () => show(view === "messages" ? "objects" : "messages"),
    t: theme,
    "?": help,
    Escape: () => {
      if (model.selected === -1) filters.clear()
      else select(-1)
    }
  }
  document.addEventListener("keydown", (event) => {
    const act = keys[event.key]
    if (act === undefined || event.ctrlKey || event.metaKey || event.altKey) return
    const { target } = event
    const typing = target instanceof HTMLInputElement && target.type !== "checkbox" && target.type !== "range"
    if (typing) {
      if (event.key === "Escape") target.blur()
      return
    }
    // A button is pressed by the space bar, and a dialog has keys of its own.
    if (event.key === " " && (target instanceof HTMLButtonElement || target instanceof HTMLInputElement)) return
    if (document.querySelector("dialog[open]") !== null && event.key !== "?") return
    event.preventDefault()
    act()
  })
  const resized = new ResizeObserver(() => {
    render()
    overview.redraw()
  })
  resized.observe(stage)
  // It is as high as the heads leave room.
  resized.observe(dom.find("overview"))

  // -------------------------------------------------------------------------
  // the beginning
  // -------------------------------------------------------------------------

  const notes = [
    ...data.notes,
    ...(data.graph.left > 0 ? [`${data.graph.left} objects have no place in the graph`] : [])
  ]
  dom.replace(dom.find("notes"), notes.map((note) => dom.make("li", {}, note)))
  dom.find("about").hidden = notes.length === 0
  dom.find("group").textContent = `grouped by ${model.group === 0 ? "controller" : "machine"}`
  changed()
  filters.render()
  scene.reset()
  show(view)
  root.dataset.ready = "true"
}
