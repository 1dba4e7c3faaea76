{{/* Workloads of the roles that have pods, as JSON: a list of {component, values}. */}}
{{- define "aztec-network.policyWorkloads" -}}
{{- $all := list -}}
{{- range $role, $values := dict
  "prover-broker" .Values.proverBroker "prover-agent" .Values.proverAgent "pxe" .Values.pxe "bot" .Values.bot -}}
{{- $all = append $all (dict "component" $role "values" $values) -}}
{{- end -}}
{{- range $node := include "aztec-network.nodes" . | fromJson -}}
{{- $all = append $all (dict "component" $node.role "values" $node.values) -}}
{{- end -}}
{{- $kept := list -}}
{{- range $all -}}{{- if gt (int .values.replicas) 0 -}}{{- $kept = append $kept . -}}{{- end -}}{{- end -}}
{{- $kept | toJson -}}
{{- end -}}

{{/* Components that have pods, and the ports of those that serve, as JSON: {"anvil": {"l1": [8545]}, …}. A component
     is a value of app.kubernetes.io/component; groups of a role share it. */}}
{{- define "aztec-network.policyPorts" -}}
{{- $root := . -}}
{{- $ports := dict -}}
{{- if .Values.l1.anvil.enabled -}}{{- $_ := set $ports "anvil" (dict "l1" (list 8545)) -}}{{- end -}}
{{- if include "aztec-network.ownBlobStore" . -}}{{- $_ := set $ports "blob-store" (dict "blobs" (list 7070)) -}}{{- end -}}
{{- if include "aztec-network.ownCollector" . -}}{{- $_ := set $ports "otel-collector" (dict "otlp" (list 4318) "metrics" (list 8888 8889)) -}}{{- end -}}
{{- if include "aztec-network.ownPrometheus" . -}}{{- $_ := set $ports "prometheus" (dict "query" (list 9090)) -}}{{- end -}}
{{- if include "aztec-network.ownGrafana" . -}}{{- $_ := set $ports "grafana" (dict "dashboards" (list 3000)) -}}{{- end -}}
{{- range $workload := include "aztec-network.policyWorkloads" . | fromJsonArray -}}
{{- $service := (include "aztec-network.settings" (dict "root" $root "values" $workload.values) | fromJson).service -}}
{{- $own := get $ports $workload.component | default dict -}}
{{- $_ := set $own "rpc" (append ($own.rpc | default list) (int $service.nodePort) | uniq) -}}
{{- if has $workload.component (list "boot-node" "full-node" "validator" "prover-node") -}}
{{- $_ := set $own "p2p" (append ($own.p2p | default list) (int $service.p2pPort) | uniq) -}}
{{- $_ := set $own "admin" (append ($own.admin | default list) (int $service.adminPort) | uniq) -}}
{{- end -}}
{{- if include "aztec-network.servesBundles" (dict "root" $root "role" $workload.component) -}}
{{- $_ := set $own "join-bundles" (list (int $root.Values.bootNode.joinBundles.port)) -}}
{{- end -}}
{{- $_ := set $ports $workload.component $own -}}
{{- end -}}
{{- if .Values.validatorSet -}}{{- $_ := set $ports "validator-set" dict -}}{{- end -}}
{{- $_ := set $ports "smoke" dict -}}
{{- if .Values.soak.enabled -}}{{- $_ := set $ports "soak" dict -}}{{- end -}}
{{- $ports | toJson -}}
{{- end -}}

{{/* Who needs to talk to whom, as JSON: a list of {to, port, from}; `port` names a port of "aztec-network.policyPorts". */}}
{{- define "aztec-network.flows" -}}
{{- $nodes := list "boot-node" "full-node" "validator" "prover-node" -}}
{{- $flows := list
  (dict "to" "anvil" "port" "l1" "from" (concat $nodes (list "prover-broker" "bot" "validator-set")))
  (dict "to" "blob-store" "port" "blobs" "from" $nodes)
  (dict "to" "boot-node" "port" "rpc" "from" (list "full-node" "validator" "prover-node" "prover-broker" "pxe" "bot" "validator-set" "smoke"))
  (dict "to" "full-node" "port" "rpc" "from" (concat $nodes (list "pxe" "bot" "smoke")))
  (dict "to" "pxe" "port" "rpc" "from" (list "smoke"))
  (dict "to" "validator" "port" "rpc" "from" $nodes)
  (dict "to" "prover-broker" "port" "rpc" "from" (list "prover-node" "prover-agent"))
  (dict "to" "otel-collector" "port" "otlp" "from" (concat $nodes (list "prover-broker" "prover-agent" "pxe" "bot")))
  (dict "to" "otel-collector" "port" "metrics" "from" (list "prometheus"))
  (dict "to" "prometheus" "port" "query" "from" (list "grafana")) -}}
{{- range $nodes -}}
{{- $flows = append $flows (dict "to" . "port" "p2p" "from" $nodes) -}}
{{- end -}}
{{- $there := include "aztec-network.policyPorts" . | fromJson | keys -}}
{{- range $flow := $flows -}}
{{- $from := list -}}
{{- range $flow.from -}}{{- if has . $there -}}{{- $from = append $from . -}}{{- end -}}{{- end -}}
{{- $_ := set $flow "from" $from -}}
{{- end -}}
{{- $flows | toJson -}}
{{- end -}}

{{/* true where a component needs what is not in the release. Takes {root, component}. */}}
{{- define "aztec-network.needsOutside" -}}
{{- $v := .root.Values -}}
{{- $nodes := list "boot-node" "full-node" "validator" "prover-node" -}}
{{- $exposed := include "aztec-network.openPorts" . | fromJsonArray | has "p2p" -}}
{{- if and (has .component (concat $nodes (list "prover-broker" "bot" "validator-set"))) (not $v.l1.anvil.enabled) -}}true
{{- else if or $exposed (and (has .component $nodes) $v.network.bootstrapNodes) -}}true
{{- else if and (has .component (list "validator" "prover-node" "validator-set")) (dig "remoteSigner" "url" "" $v.keys) -}}true
{{- else if and (has .component $nodes) $v.blobStore.enabled $v.blobStore.url -}}true
{{- else if and (has .component (list "prover-node" "prover-agent" "pxe")) $v.network.realProofs -}}true
{{- else if and (has .component (concat $nodes (list "prover-broker" "prover-agent" "pxe" "bot"))) $v.telemetry.enabled $v.telemetry.collector.endpoint -}}true
{{- else if and (eq .component "otel-collector") $v.telemetry.collector.forward.endpoint -}}true
{{- else if and (eq .component "prometheus") $v.telemetry.prometheus.alertmanagers -}}true
{{- end -}}
{{- end -}}

{{/* Names of a component's ports that are exposed or tell nothing secret, and so open to everyone, as JSON. Takes {root, component}. */}}
{{- define "aztec-network.openPorts" -}}
{{- $open := list -}}
{{- if include "aztec-network.servesBundles" (dict "root" .root "role" .component) -}}{{- $open = append $open "join-bundles" -}}{{- end -}}
{{- if and (eq .component "grafana") (ne .root.Values.telemetry.grafana.expose.type "ClusterIP") -}}{{- $open = append $open "dashboards" -}}{{- end -}}
{{- range include "aztec-network.policyWorkloads" .root | fromJsonArray -}}
{{- $settings := include "aztec-network.settings" (dict "root" $.root "values" .values) | fromJson -}}
{{- if and (eq .component $.component) (ne (dig "p2p" "exposure" "ClusterIP" $settings) "ClusterIP") -}}{{- $open = append $open "p2p" -}}{{- end -}}
{{- end -}}
{{- $open | toJson -}}
{{- end -}}
