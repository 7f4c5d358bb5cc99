// Problems as text: what it looks like, and that others who read it find what the engine finds. SMT-LIB scripts and MiniZinc
// models are solved by the laws of the port as well; here are several objectives in one, and FlatZinc.
import { Check, Constraint, Domain, FlatZinc, MiniZinc, Problem, SmtLib, Solver } from "@effect-avm/solver"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Either } from "effect"
import { start } from "../../packages/solver/src/internal/minizincWorker.js"
import * as Puzzles from "./Puzzles.js"

const small = Problem.make({
  variables: [{ name: "first", domain: Domain.range(-1, 4) }, { name: "second\nline", domain: Domain.values([0, 2]) }],
  requirements: [
    Constraint.compare(0, ">=", 1, -1),
    {
      name: "either",
      constraint: Constraint.or(Constraint.element(1, [4, -1], 0), Constraint.compareValue(0, "!=", -1))
    },
    Constraint.not(Constraint.table([0, 1], [[1, 2]])),
    Constraint.table([0, 1], [[1, 0], [2, 2], [-1, 0]]),
    Constraint.linear([2, -3], [0, 1], "<", 5),
    Constraint.allDifferent([0, 1], { offsets: [0, -2] })
  ],
  objectives: [Problem.minimize(Problem.times(2, 0), Problem.when(3, Constraint.member(1, [2])))]
})

describe("printed", () => {
  it("for MiniZinc", () =>
    assert.strictEqual(
      Either.getOrThrow(MiniZinc.print(small)),
      `include "globals.mzn";
var -1..4: x0; % first
var {0,2}: x1; % second line
constraint x0 >= x1 - 1; % requirements[0]
constraint (((x1 = 0) /\\ (x0 = 4)) \\/ ((x1 = 1) /\\ (x0 = -1))) \\/ (x0 != -1); % either
constraint not (((x0 = 1) /\\ (x1 = 2))); % requirements[2]
constraint table([x0,x1], [| 1,0 | 2,2 | -1,0 |]); % requirements[3]
constraint 2*x0 + -3*x1 < 5; % requirements[4]
constraint all_different([x0,x1 - 2]); % requirements[5]
solve maximize -2*x0 + -3*bool2int(x1 in {2});
`
    ))

  it("as FlatZinc", () =>
    assert.strictEqual(
      Either.getOrThrow(FlatZinc.print({ ...small, requirements: [small.requirements[0], small.requirements[2]] })),
      `var -1..4: x0 :: output_var;
var {0,2}: x1 :: output_var;
var bool: b0;
var bool: b1;
var bool: b2;
var bool: b3;
var bool: b4;
var bool: b5;
var 0..1: i0;
var -11..2: objective;
constraint int_lin_le([-1,1],[x0,x1],1);
constraint int_lin_eq_reif([1],[x0],1,b0);
constraint int_lin_eq_reif([1],[x1],2,b1);
constraint array_bool_and([b0,b1],b2);
constraint bool_clause([b2],[b3]);
constraint bool_clause([b3],[b2]);
constraint bool_clause([],[b3]);
constraint int_lin_eq_reif([1],[x1],2,b4);
constraint bool_clause([b4],[b5]);
constraint bool_clause([b5],[b4]);
constraint bool2int(b5,i0);
constraint int_lin_eq([-2,-3,-1],[x0,i0,objective],0);
solve maximize objective;
`
    ))

  it("as SMT-LIB", () =>
    assert.strictEqual(
      SmtLib.print(small),
      `(declare-const x0 Int)
(assert (<= (- 1) x0 4))
(declare-const x1 Int)
(assert (or (= x1 0) (= x1 2)))
(assert (>= x0 (+ x1 (- 1))))
(assert (or (or (and (= x1 0) (= x0 4)) (and (= x1 1) (= x0 (- 1)))) (not (= x0 (- 1)))))
(assert (not (or (and (= x0 1) (= x1 2)))))
(assert (or (and (= x0 1) (= x1 0)) (and (= x0 2) (= x1 2)) (and (= x0 (- 1)) (= x1 0))))
(assert (< (+ (* 2 x0) (* (- 3) x1)) 5))
(assert (distinct x0 (+ x1 (- 2))))
(minimize (+ (* 2 x0) (ite (or (= x1 2)) 3 0)))
`
    ))

  it("not where several objectives would need sums that are not exact", () => {
    const wide = Problem.make({
      variables: Puzzles.upTo(2).map((at) => ({ name: `x${at}`, domain: Domain.range(0, 1_000_000_000) })),
      objectives: [Problem.maximize(Problem.times(1, 0)), Problem.maximize(Problem.times(1, 1))]
    })
    for (const printed of [MiniZinc.print(wide), FlatZinc.print(wide)]) {
      assert.deepInclude(Either.isLeft(printed) && printed.left, { _tag: "NotExpressible", where: "objectives[0]" })
    }
  })
})

describe("solved by others", () => {
  /** The last, so the best, solution that Gecode finds for a text. */
  const gecode = async (name: string, text: string): Promise<ReadonlyArray<number>> => {
    const worker = await start()
    try {
      return await new Promise((resolve, reject) => {
        let last: ReadonlyArray<number> = []
        worker.on("message", (message) => {
          if (message.type === "solution") {
            const printed: string = message.output.dzn ??
              Object.entries(message.output.json).map(([x, value]) => `${x} = ${value};`).join("\n")
            last = Puzzles.everything.variables.map((_, at) =>
              Number(new RegExp(`x${at} = (-?\\d+);`).exec(printed)?.[1])
            )
          }
          if (message.type === "error") reject(new Error(message.message))
          if (message.type === "exit") resolve(last)
        })
        const output = name.endsWith(".mzn") ? ["--output-mode", "json"] : []
        worker.postMessage({
          jsonStream: true,
          files: { [name]: text },
          args: ["--solver", "gecode", "-i", ...output, name]
        })
      })
    } finally {
      await worker.terminate()
    }
  }

  for (const [name, print] of Object.entries({ "problem.mzn": MiniZinc.print, "problem.fzn": FlatZinc.print })) {
    it(`${name}, with several objectives`, async () => {
      const { everything } = Puzzles
      const ours = await Effect.runPromise(Solver.solve(everything))
      const theirs = await gecode(name, Either.getOrThrow(print(everything)))
      assert.deepStrictEqual(Check.violations(everything, theirs), [])
      assert.deepStrictEqual(ours._tag === "Solved" && ours.objectives, Check.objectives(everything, theirs))
    })
  }
})
