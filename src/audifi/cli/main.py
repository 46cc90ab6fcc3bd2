"""Read the command line and hand over to the verb.

Between: the launcher `./audifi` (and the `audifi` script) and one module per verb in this folder.
Shape: verbs are imported when they are used, so `--help` and tab completion stay fast.
Invariant: a user's mistake never shows a traceback: what is wrong, where, what to do, and exit code 2.
Errors: LocalError → 2; interrupted → 130; a broken pipe (`audifi logs | head`) ends quietly.
"""

import signal
import sys
from importlib import import_module
from importlib.metadata import version
from types import FrameType
from typing import Final

from cyclopts import App, CycloptsError

# name, module:function, what it does: in the order a newcomer meets them.
VERBS: Final = (
    ("up", "audifi.cli.up:up", "Start the platform on this machine."),
    ("status", "audifi.cli.status:status", "Show what runs and how it is."),
    ("url", "audifi.cli.url:url", "Print a public address: api, app, ws, …"),
    ("mail", "audifi.cli.mail:mail", "Show the mail the platform sent last."),
    ("grant", "audifi.cli.grant:grant", "Give a role to an account."),
    ("seed", "audifi.cli.seed:seed", "Plant the demo data."),
    ("journey", "audifi.cli.journey:journey", "Play the whole story: from a recording to a dividend."),
    ("rehearsal", "audifi.cli.rehearsal:rehearsal", "Rehearse a V Studio session end to end."),
    ("swarm", "audifi.cli.swarm:swarm", "Let thousands watch a session, break something, judge what they saw."),
    ("drill", "audifi.cli.drill:drill", "Break something on purpose and measure what users notice."),
    ("prove", "audifi.cli.prove:prove", "Prove every promise of the design, and write the ledger."),
    ("alerts", "audifi.cli.alerts:alerts", "Show what fires now, and every rule that could."),
    ("logs", "audifi.cli.logs:logs", "Show or follow what processes write."),
    ("psql", "audifi.cli.psql:psql", "Open the database as a service sees it."),
    ("redis", "audifi.cli.redis:redis", "Open the Redis Cluster."),
    ("chain", "audifi.cli.chain:chain", "Ask the blockchains through the platform's providers."),
    ("pins", "audifi.cli.pins:pins", "List, add, audit and repair what is pinned on IPFS."),
    ("queue", "audifi.cli.queue:queue", "Show the queue; send what was given up again, or drop it."),
    ("backup", "audifi.cli.backup:backup", "Make, list and verify backups."),
    ("restore", "audifi.cli.restore:restore", "Bring data back: to a second, beside what runs or in its place."),
    ("secrets", "audifi.cli.secrets:secrets", "List, replace and restore secrets; never show one."),
    ("reconcile", "audifi.cli.reconcile:reconcile", "Prove that the books agree with the chains."),
    ("env", "audifi.cli.env:env", "Show what a process is told."),
    ("restart", "audifi.cli.restart:restart", "Restart a component or one pod."),
    ("trust", "audifi.cli.trust:trust", "Print or install the local certificate authority."),
    ("down", "audifi.cli.down:down", "Stop the platform; data stays."),
    ("check", "audifi.cli.check:check", "Judge the topology: what cannot hold, and the remedy."),
    ("topology", "audifi.cli.topology:topology", "Print the topology as a tree, JSON or a picture."),
    ("render", "audifi.cli.render:render", "Write the production artifacts, each with the line it comes from."),
    ("plan", "audifi.cli.plan:plan", "Show what must change at providers."),
    ("apply", "audifi.cli.apply:apply", "Carry out a plan at one provider."),
    ("drift", "audifi.cli.drift:drift", "Say what at providers is no longer as the topology says."),
    ("test", "audifi.cli.test:test", "Run the tests."),
    ("bench", "audifi.cli.bench:bench", "Run the benchmarks."),
)


def application(verb: str = "") -> App:
    """The command line with its verbs, none of them imported but the one that is asked for."""
    app = App(
        name="audifi",
        help="AudiFi's platform: one typed topology that runs, renders and proves itself.",
        version=lambda: version("audifi"),
        version_flags=["--version"],
        result_action="return_value",
    )
    for place, (name, target, summary) in enumerate(VERBS):
        if name == verb:
            _add(app, target, name, summary, place)
        else:
            app.command(target, name=name, help=summary, sort_key=place)
    return app


def _add(app: App, target: str, name: str, summary: str, place: int) -> None:
    """Add the verb that is asked for: its --help ends with the lines `Exit: …` and `Example: …` of its docstring."""
    module = import_module(target.partition(":")[0])
    lines = (module.__doc__ or "").splitlines()
    notes = "\n\n".join(line for line in lines if line.startswith(("Example:", "Exit:")))
    found = getattr(module, target.partition(":")[2])
    if isinstance(found, App):  # a verb of several words: its own words share the notes
        found.help, found.help_epilogue, found.sort_key = summary, notes, place
        app.command(found)
    else:
        app.command(found, name=name, help=summary, help_epilogue=notes, sort_key=place)


def _as_interrupt(number: int, frame: FrameType | None) -> None:
    """Do what Ctrl-C would do now: asyncio puts a handler of its own there, which ends tasks in order."""
    interrupt = signal.getsignal(signal.SIGINT)  # ignored by what a script starts in the background
    (interrupt if callable(interrupt) else signal.default_int_handler)(number, frame)


def main() -> None:
    """Run one verb. Being told to end (SIGTERM) undoes what is half-done, as Ctrl-C does."""
    signal.signal(signal.SIGTERM, _as_interrupt)
    sys.exit(_code_of(sys.argv[1:]))


def _code_of(arguments: list[str]) -> int:
    from audifi.local.errors import LocalError  # noqa: PLC0415  # only a verb that runs can raise it

    try:
        code = application(*arguments[:1])(arguments, exit_on_error=False)
    except CycloptsError:
        return 2  # cyclopts has said what is wrong
    except LocalError as error:
        sys.stderr.write(f"audifi: {error}\n")
        return 2
    except KeyboardInterrupt:
        return 130  # 128 + SIGINT, as shells do
    except BrokenPipeError:
        sys.stderr.close()  # or the interpreter complains while it flushes
        return 0
    return code if isinstance(code, int) else 0


if __name__ == "__main__":
    main()
