// Watch a session and say what an application would be told, one JSON array a line; vote as standard input says.
//
//   node watch.ts <api> <session> [token]        ["event", frame] | ["update", key] | ["state", state, reason]
//   {"vote": [decision, ballot]} | {"close": true}        → ["ack", frame] | ["refusal", code, message]
import { createInterface } from "node:readline";
import { Live, LiveRefusal } from "../index.ts";

const [, , api = "", sessionId = "", token = "token"] = process.argv;
const say = (...what: unknown[]): unknown => process.stdout.write(JSON.stringify(what) + "\n");

const live = new Live({
  api,
  sessionId,
  token: () => token,
  random: () => 0,
  onEvent: (frame) => say("event", frame),
  onUpdate: (key, frame) => say("update", key, frame),
  onState: (state, reason) => say("state", state, reason),
});
createInterface({ input: process.stdin })
  .on("line", (line) => {
    const { vote, close } = JSON.parse(line);
    if (close) live.close();
    else
      live.vote(vote[0], vote[1]).then(
        (ack) => say("ack", ack),
        (error: LiveRefusal) => say("refusal", error.code, error.message),
      );
  })
  .on("close", () => live.close());
