"""Hold what backup jobs run: a shell script that takes the data of every primary, a Python one that carries it away.

Between: targets.kubernetes.backups (mounts them), the images of Redis and of the worker (bring sh and Python).
Invariant: a dump is read again before it counts; nothing here is a secret, and no secret is an argument.
Errors: the first failure ends the script with a sentence on stderr; the job is tried again.
Source: https://redis.io/docs/latest/operate/oss_and_stack/management/persistence/ (redis-cli --rdb);
https://cloud.google.com/storage/docs/json_api/v1/objects/insert (media upload).
"""

from typing import Final

DUMP: Final = """\
#!/bin/sh
# One file per primary, by way of a replica's protocol: nothing is stopped. A primary is whoever says so now.
set -eu
REDISCLI_AUTH=$(cat "$AUTH/password"); export REDISCLI_AUTH
taken=0
for pod in $PODS; do
    host=$pod.$DOMAIN
    [ "$(redis-cli -h "$host" -p "$PORT" ROLE | head -n 1)" = master ] || continue
    redis-cli -h "$host" -p "$PORT" --rdb "/backup/$pod.rdb"
    redis-check-rdb "/backup/$pod.rdb"
    taken=$((taken + 1))
done
[ "$taken" -ge "$PRIMARIES" ] || { echo "only $taken of $PRIMARIES primaries answered" >&2; exit 1; }
"""

UPLOAD: Final = '''\
"""Carry every file of /backup to the bucket, under the component's name and the hour."""

import json
import os
import pathlib
import sys
import time
import urllib.parse
import urllib.request

IDENTITY = "http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token"
TIMEOUT_S = 600


def token():
    asked = urllib.request.Request(IDENTITY, headers={"Metadata-Flavor": "Google"})
    with urllib.request.urlopen(asked, timeout=TIMEOUT_S) as answer:
        return json.load(answer)["access_token"]


def main():
    files = sorted(pathlib.Path("/backup").glob("*.rdb"))
    if not files:
        sys.exit("there is nothing to carry away in /backup")
    hour = time.strftime("%Y-%m-%dT%H%M%SZ", time.gmtime())
    for file in files:
        name = urllib.parse.quote(f"{os.environ['COMPONENT']}/{hour}/{file.name}", safe="")
        url = f"{os.environ['STORE']}/upload/storage/v1/b/{os.environ['BUCKET']}/o?uploadType=media&name={name}"
        with file.open("rb") as body:
            asked = urllib.request.Request(url, data=body, method="POST")
            asked.add_header("Authorization", f"Bearer {token()}")
            asked.add_header("Content-Type", "application/octet-stream")
            asked.add_header("Content-Length", str(file.stat().st_size))
            with urllib.request.urlopen(asked, timeout=TIMEOUT_S) as answer:
                kept = json.load(answer)
        if int(kept["size"]) != file.stat().st_size:
            sys.exit(f"{file.name}: {kept['size']} bytes arrived of {file.stat().st_size}")
        print(f"{file.name}: {kept['size']} bytes as {kept['name']}")


main()
'''
