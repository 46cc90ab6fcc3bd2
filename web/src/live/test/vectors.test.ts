// The machine does what the shared vectors say, input by input, as the Python one does (tests/unit/sdk).
import { deepEqual, ok } from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { Machine } from "../machine.ts";
import type { Input, Output } from "../signals.ts";

interface Vector {
  readonly why: string;
  readonly randoms: number[];
  readonly steps: { at: number; in: Input; out: Output[]; wakeAt: number | null }[];
}

const folder = new URL("../../../../tests/vectors/live/", import.meta.url);
const names = readdirSync(folder).filter((name) => name.endsWith(".json"));

for (const name of names) {
  const vector = JSON.parse(readFileSync(new URL(name, folder), "utf8")) as Vector;
  test(`${name}: ${vector.why}`, () => {
    const drawn = [...vector.randoms];
    const machine = new Machine(() => {
      ok(drawn.length > 0, "more random numbers were drawn than the vector gives");
      return drawn.shift()!;
    });
    for (const [number, step] of vector.steps.entries()) {
      const said = { out: machine.take(step.at, step.in), wakeAt: machine.wakeAt };
      deepEqual(said, { out: step.out, wakeAt: step.wakeAt }, `step ${number}: ${JSON.stringify(step.in)}`);
    }
    deepEqual(drawn, [], "fewer random numbers were drawn than the vector gives");
  });
}

test("there are vectors", () => ok(names.length > 30));
