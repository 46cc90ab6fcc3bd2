"""Hold the scripts that run beside every Redis of the cluster: POSIX sh, redis-cli, awk and getent.

Between: targets.kubernetes.redis (mounts them) and tests/agreement (runs them with real servers).
Why they exist: Redis Cluster remembers its peers by address (nodes.conf). When all pods were away at the same time,
every address is new and nobody finds anybody. The keeper compares each peer's name with the address that is known here
and introduces whoever moved (CLUSTER MEET); a node that is known already gets its new address by that.
Invariant: a range of slots is claimed by its first owner only, once all peers have answered that nobody has it: an
empty node never takes what another one serves. A password is never an argument.
Errors: a script that cannot go on says why on stderr and exits; the pod is started again.
Source: https://redis.io/docs/latest/operate/oss_and_stack/reference/cluster-spec/; OT-CONTAINER-KIT redis-operator
#1722, #1782 (the failure, by kubernetes.md).
"""

from typing import Final

_ASK: Final = """\
password() { cat "$AUTH/password"; }
ask() {  # ask HOST WORDS…
    host=$1; shift
    REDISCLI_AUTH=$(password) timeout 2 redis-cli -h "$host" -p "$PORT" "$@" 2>/dev/null
}
own() { ask "$SELF" "$@"; }
name() { echo "$COMPONENT-$1.$DOMAIN"; }
"""

_RELOAD: Final = """\
reload() {  # take passwords that were replaced; the first one is what a replica shows its primary
    now=$(cat "$AUTH/users.acl" "$AUTH/auth.conf" | cksum)
    [ "$now" = "$seen" ] && return 0
    own ACL LOAD >/dev/null || return 0
    printf 'CONFIG SET masterauth %s\\n' "$(password)" |
        REDISCLI_AUTH=$(password) redis-cli -h "$SELF" -p "$PORT" >/dev/null && seen=$now
}
"""

KEEPER: Final = f"""\
#!/bin/sh
# Keep this node acquainted with its peers, its range served and its passwords current.
set -u
me=${{POD_NAME##*-}}
seen=
{_ASK}{_RELOAD}
address() {{ getent hosts "$(name "$1")" | awk '{{ print $1; exit }}'; }}

owner() {{  # of a slot, in what CLUSTER NODES says on stdin
    awk -v slot="$1" '{{ for (i = 9; i <= NF; i++) {{ n = split($i, range, "-"); last = n > 1 ? range[2] : range[1]
        if ($i !~ /^\\[/ && slot + 0 >= range[1] + 0 && slot + 0 <= last + 0) {{ print $1; exit }} }} }}'
}}

meet() {{  # whoever is not connected under the address its name has now
    known=$(own CLUSTER NODES) || return 0
    for peer in $(seq 1 "$NODES"); do
        [ "$peer" = "$me" ] && continue
        ip=$(address "$peer")
        [ -n "$ip" ] || continue
        echo "$known" | grep -q " $ip:$PORT@$BUS,$(name "$peer") .* connected" && continue
        own CLUSTER MEET "$ip" "$PORT" >/dev/null
    done
}}

nobody_has() {{  # every peer answers, and none knows an owner
    for peer in $(seq 1 "$NODES"); do
        said=$(ask "$(name "$peer")" CLUSTER NODES) || return 1
        [ "$(echo "$said" | wc -l)" -eq "$NODES" ] || return 1
        [ -z "$(echo "$said" | owner "$1")" ] || return 1
    done
}}

serve() {{  # an empty node claims its range, or follows whoever has it
    known=$(own CLUSTER NODES) || return 0
    mine=$(echo "$known" | grep myself)
    echo "$mine" | awk '$3 ~ /master/ && NF < 9 {{ found = 1 }} END {{ exit !found }}' || return 0
    range=$(echo "$RANGES" | cut -d ' ' -f $(((me - 1) % MASTERS + 1)))
    has=$(echo "$known" | owner "${{range%-*}}")
    if [ -n "$has" ]; then
        own CLUSTER REPLICATE "$has" >/dev/null
    elif [ "$me" -le "$MASTERS" ] && nobody_has "${{range%-*}}"; then
        own CLUSTER ADDSLOTSRANGE "${{range%-*}}" "${{range#*-}}" >/dev/null
    fi
}}

while :; do
    reload
    meet
    serve
    sleep "$EVERY_S"
done
"""

QUEUE_START: Final = f"""\
#!/bin/sh
# Start the queue's Redis; the primary not with less than its replica has: it would make that one as empty as itself.
set -eu
primary="$COMPONENT-1"
{_ASK}
if [ "$POD_NAME" = "$primary" ]; then
    if [ ! -d /data/appendonlydir ] && [ "$(ask "$(name 2)" DBSIZE || echo 0)" != 0 ]; then
        echo "$primary has lost its append-only file, and $COMPONENT-2 has one: docs/runbooks/queue.md" >&2
        exit 1
    fi
    exec redis-server /etc/redis/redis.conf
fi
exec redis-server /etc/redis/redis.conf --replicaof "$(name 1)" "$PORT"
"""

RELOADER: Final = f"""\
#!/bin/sh
# Keep this server's passwords current.
set -u
seen=
{_ASK}{_RELOAD}
while :; do
    reload
    sleep "$EVERY_S"
done
"""
