#!/usr/bin/env bash
# Stands in for docker, kind and kubectl, by the name that it is called by: records the call, and does what
# examples/try/try.sh needs of it.
set -euo pipefail
call="${0##*/} $*"
echo "$call" >>"$STAND_IN_STATE/calls"
[[ $KUBECONFIG != /the/user/has/this || $call == docker\ info || $call == kind\ get* ]] || exit 9
[[ $call != "$STAND_IN_FAILING"* ]] || exit 1

case $call in
  'kind get clusters') echo "$STAND_IN_CLUSTERS" ;;
  'kubectl get pods'*) echo buildkitd-1 ;;
  'kubectl apply --filename -') cat >"$STAND_IN_STATE/applied" ;;
  'kubectl exec --stdin'*) cat >"$STAND_IN_STATE/context" ;;
  'kubectl delete'*) touch "$STAND_IN_STATE/deleted" ;;
  'kubectl logs'*) echo 'the log of the hook' ;;
  'kubectl exec client -- buildctl'*)
    echo '#5 0.1 second 1 of 30'
    until [ -e "$STAND_IN_STATE/deleted" ]; do sleep 0.1; done
    exit "$STAND_IN_BUILD"
    ;;
esac
