"""Show the local certificate authority, or make this machine trust it.

Between: the person who opens https://app.audifi.localhost in a browser, and local.certificates.
Shape: the authority is `.audifi/ca/ca.pem`, made when it is first needed; it may only sign names below our own.
Invariant: without --install nothing outside `.audifi/` changes.
Errors: LocalError with what to do (not root, not a Debian system).
Exit: 0 done · 2 wrong use, or nothing to show
Example: ./audifi trust --path · sudo ./audifi trust --install
Source: Debian update-ca-certificates(8).
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Final

from cyclopts import Parameter

from audifi.cli.options import DEFAULT
from audifi.local import certificates
from audifi.local.errors import LocalError
from audifi.local.state import Instance
from audifi.topology.declaration import platform

STORE: Final = Path("/usr/local/share/ca-certificates/audifi-local.crt")  # update-ca-certificates reads *.crt there
UPDATE: Final = "update-ca-certificates"

BROWSERS: Final = """\
Browsers with their own list:
  Firefox    about:preferences#privacy > View Certificates > Authorities > Import: {path}
  Chromium   certutil -d sql:$HOME/.pki/nssdb -A -t C,, -n "AudiFi local" -i {path}
             (certutil is in Debian's libnss3-tools; restart the browser)
Programs for one call:
  curl       curl --cacert {path} https://…
  Python     SSL_CERT_FILE={path}
"""


def trust(
    *,
    install: Annotated[bool, Parameter(negative="")] = False,
    uninstall: Annotated[bool, Parameter(negative="")] = False,
    show: Annotated[bool, Parameter(name="--print", negative="")] = False,
    path: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Say how to trust the local certificate authority, or do it.

    Parameters
    ----------
    install
        Add it to this system's store (as root).
    uninstall
        Remove it from this system's store (as root).
    show
        Print the certificate.
    path
        Print where the certificate is.
    """
    if sum((install, uninstall, show, path)) > 1:
        raise LocalError("choose one of --install, --uninstall, --print and --path")
    certificate = authority().certificate
    if show:
        sys.stdout.write(certificate.read_text())
    elif path:
        sys.stdout.write(f"{certificate}\n")
    elif uninstall:
        _uninstall()
    elif install:
        _install(certificate)
    else:
        state = "trusts it" if _is_installed(certificate) else "does not trust it: sudo ./audifi trust --install"
        sys.stdout.write(f"{certificate}\nThis system {state}\n{BROWSERS.format(path=certificate)}")
    return 0


def authority() -> certificates.Pair:
    """Return this clone's authority, made now if it was never needed before."""
    directory = certificates.authority_directory(Instance.at(DEFAULT).path)
    return certificates.authority(directory, platform("local").domain("apex").host)


def _is_installed(certificate: Path) -> bool:
    return STORE.exists() and STORE.read_bytes() == certificate.read_bytes()


def _install(certificate: Path) -> None:
    _may_change_the_store()
    shutil.copyfile(certificate, STORE)
    STORE.chmod(0o644)
    _update()
    sys.stdout.write(f"installed as {STORE}: programs that use this system's store trust it\n")
    sys.stdout.write(BROWSERS.format(path=certificate))


def _uninstall() -> None:
    _may_change_the_store()
    STORE.unlink(missing_ok=True)
    _update("--fresh")
    sys.stdout.write("removed from this system's store\n")


def _may_change_the_store() -> None:
    if shutil.which(UPDATE) is None:
        raise LocalError(
            f"{UPDATE} is not here: this is not Debian or Ubuntu. Add the certificate to your system's store by hand: "
            "./audifi trust --path says where it is"
        )
    if os.geteuid() != 0:
        raise LocalError("the system's store belongs to root: sudo ./audifi trust --install (or --uninstall)")


def _update(*options: str) -> None:
    program = shutil.which(UPDATE) or UPDATE
    done = subprocess.run([program, *options], capture_output=True, text=True, check=False)  # noqa: S603  # fixed program
    if done.returncode != 0:
        raise LocalError(f"{UPDATE} failed with {done.returncode}: {done.stderr.strip() or done.stdout.strip()}")
