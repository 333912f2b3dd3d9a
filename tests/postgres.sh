#!/usr/bin/env bash
# A PostgreSQL server for the tests: tests/postgres.sh install | start FOLDER | stop FOLDER
# `start` prints the server's address. It listens on a socket in FOLDER alone and asks nobody for a
# password; where no server is installed it says so and ends with status 1.
set -euo pipefail
command=${1:?install, start or stop}

if [ "$command" = install ]; then
  compgen -G '/usr/lib/postgresql/*/bin/initdb' > /dev/null && exit 0
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql > /dev/null
  exit 0
fi

folder=$(realpath "${2:?a folder}")
bin=$(dirname "$(compgen -G '/usr/lib/postgresql/*/bin/initdb' | sort -V | tail -n 1)" 2> /dev/null || true)
if [ ! -x "$bin/initdb" ]; then
  echo "PostgreSQL is not installed (tests/postgres.sh install)" >&2
  exit 1
fi

# The server refuses to run as root: then it runs as the system's user for it, in a folder that
# this user can enter.
as_server() {
  if [ "$(id -u)" = 0 ]; then
    su postgres -s /bin/bash -c "$(printf '%q ' "$@")"
  else
    "$@"
  fi
}

home=$(cat "$folder/home" 2> /dev/null || mktemp -d /tmp/salvage-postgres.XXXXXX)
case $command in
  start)
    echo "$home" > "$folder/home"
    [ "$(id -u)" != 0 ] || chown postgres "$home"
    as_server "$bin/initdb" -D "$home/data" -A trust -U reader -E UTF8 --locale C --no-sync > /dev/null
    as_server "$bin/pg_ctl" -D "$home/data" -w -l "$home/log" \
      -o "-k $home -c listen_addresses= -c fsync=off" start > /dev/null
    echo "postgresql://reader@/postgres?host=$home"
    ;;
  stop)
    as_server "$bin/pg_ctl" -D "$home/data" -w -m immediate stop > /dev/null
    rm -rf "$home"
    ;;
esac
