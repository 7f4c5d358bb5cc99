import { Trace } from "../core/dist/index.js"
import { make } from "./dist/machine.js"
import { calls, objects } from "./dist/rows.js"
import { Effect } from "effect"
const which = process.argv[2]
const layer = which === "off" ? Trace.layerNone : which === "ring" ? Trace.layerRing({capacity:10000}) : Trace.layerPubSub
const m = make(layer)
const row = calls(m, "x", await objects(m,"adder",1000))
const ts=[]
for (let r=0;r<40;r++){ global.gc?.(); const t=process.cpuUsage(); await Effect.runPromise(row.run()); const u=process.cpuUsage(t); ts.push((u.user+u.system)*1000/row.operations) }
ts.sort((a,b)=>a-b)
console.log(which, "median", ts[20].toFixed(0), "min", ts[0].toFixed(0))
