# Runs in a pod: tries each of the things every network needs, again and again for a while.
retry() {
    local what=$2 end=$((SECONDS + $1))
    shift 2
    until answer=$("$@" 2>&1); do
        if ((SECONDS >= end)); then
            echo "$what: $answer" | tee /dev/termination-log
            exit 1
        fi
        sleep 0.1
    done
}
name() { RES_OPTIONS='timeout:1 attempts:1' getent hosts kubernetes.default.svc.cluster.local; }
service() { timeout 2 bash -c 'exec 3<>/dev/tcp/kubernetes.default.svc.cluster.local/443'; }
pod() {
    timeout 2 bash -c 'exec 3<>/dev/tcp/kube-dns-pods.kube-system.svc.cluster.local/8181 &&
        printf "GET /ready HTTP/1.0\r\n\r\n" >&3 && grep -q "200 OK" <&3'
}
volume() { echo written >/volume/probe && sync /volume/probe && grep -q written /volume/probe; }
# Dropped, not refused: it takes until the time is over.
forbidden() {
    pod || return
    timeout 2 bash -c 'exec 3<>/dev/tcp/kube-dns-pods.kube-system.svc.cluster.local/8080'
    (($? == 124)) || { echo "the forbidden port answered"; return 1; }
}
# The DNS server starts while this runs.
retry 30 "a dynamic volume can't be written" volume
retry 120 "a name can't be resolved through the DNS service" name
retry 30 "a service address can't be reached" service
retry 30 "another pod can't be reached" pod
if [[ $POLICY == yes ]]; then
    retry 30 "a NetworkPolicy is not enforced" forbidden
fi
