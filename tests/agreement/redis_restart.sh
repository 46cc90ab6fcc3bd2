#!/bin/sh
# Six servers form a cluster, all end, all come back under other addresses; what is asked: is it whole again, and is
# what was kept still there? Run inside a mount and PID namespace of its own: names are /etc/hosts, nothing outlives it.
# Usage: redis_restart.sh DIRECTORY WITHIN_S; DIRECTORY holds redis.conf and keeper.sh as they are rendered.
set -eu
cd "$1"
within_s=$2
export COMPONENT=redis-cluster DOMAIN=pods.test NODES=6 MASTERS=3 AUTH="$1/auth" EVERY_S=0.3
all="1 2 3 4 5 6"

ask() { host=$1; shift; REDISCLI_AUTH=secret redis-cli -c -h "$host" -p "$PORT" "$@" 2>/dev/null; }

names() {  # every pod's name leads to its address in this network
    { echo "127.0.0.1 localhost"; for n in $all; do echo "127.0.$1.$n $COMPONENT-$n.$DOMAIN"; done; } > hosts
}

start() {
    pids=
    for n in $all; do
        mkdir -p "data-$n"
        sed "s#/etc/redis-auth#$AUTH#; s#^dir .*#dir $PWD/data-$n#; s#^bind .*#bind 127.0.$1.$n#" redis.conf > "$n.conf"
        redis-server "$n.conf" --cluster-announce-ip "127.0.$1.$n" \
            --cluster-announce-hostname "$COMPONENT-$n.$DOMAIN" > "$n.log" 2>&1 &
        pids="$pids $!"
        POD_NAME=$COMPONENT-$n SELF=127.0.$1.$n sh keeper.sh > "keeper-$n.log" 2>&1 &
        pids="$pids $!"
    done
}

whole() {  # every node sees every slot served, and speaks with all six; for some seconds it only believes so
    for n in $all; do
        ask "127.0.$1.$n" CLUSTER INFO | tr -d '\r' | grep -qx 'cluster_slots_ok:16384' || return 1
        ask "127.0.$1.$n" CLUSTER INFO | tr -d '\r' | grep -qx 'cluster_state:ok' || return 1
        met=$(ask "127.0.$1.$n" CLUSTER NODES | grep -c " 127.0.$1.*:$PORT@.* connected") || return 1
        [ "$met" -eq 6 ] || return 1
    done
}

wait_whole() {  # NETWORK SECONDS
    until=$(($(date +%s) + $2))
    until whole "$1"; do
        [ "$(date +%s)" -lt "$until" ] || { echo "not whole after $2 s:"; ask "127.0.$1.1" CLUSTER NODES; exit 1; }
        sleep 0.2
    done
}

names 11
mount --bind hosts /etc/hosts
start 11
wait_whole 11 20
ask 127.0.11.1 SET '{any}key' kept
# shellcheck disable=SC2086  # a list of process ids
kill $pids
wait
names 22
cp keeper-after.sh keeper.sh
start 22
wait_whole 22 "$within_s"
[ "$(ask 127.0.22.1 GET '{any}key')" = kept ] || { echo "the key is gone"; exit 1; }
echo whole
