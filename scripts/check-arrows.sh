#!/usr/bin/env bash
# The crates' dependencies point one way: cli -> report -> contractive -> core. Anything else fails.
set -euo pipefail
cd "$(dirname "$0")/.."

# CRATE MAY-USE...
allowed='
contractive-core
contractive contractive-core
contractive-report contractive contractive-core
contractive-cli contractive contractive-core contractive-report
'
failed=0
while read -r crate may; do
    [ -n "$crate" ] || continue
    used=$(cargo tree --quiet --locked -p "$crate" --edges normal --depth 1 --prefix none | sed 1d | awk '{print $1}' | grep '^contractive' || true)
    for one in $used; do
        case " $may " in
        *" $one "*) ;;
        *)
            echo "$crate must not depend on $one; it may use:${may:+ $may}" >&2
            failed=1
            ;;
        esac
    done
done <<<"$allowed"
exit $failed
