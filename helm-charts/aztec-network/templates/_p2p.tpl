{{/* What leads to the p2p port of a node's pods. Takes {root, values} or {settings}. */}}
{{- define "aztec-network.exposure" -}}
{{- $settings := .settings | default (include "aztec-network.settings" . | fromJson) -}}
{{- ($settings.p2p | default dict).exposure | default "ClusterIP" -}}
{{- end -}}

{{/* What the pods of exposed workloads announce, by the workload's name, as JSON. */}}
{{- define "aztec-network.announce" -}}
{{- $root := . -}}
{{- $all := dict -}}
{{- range $name, $node := include "aztec-network.nodes" . | fromJson -}}
{{- $settings := include "aztec-network.settings" (dict "root" $root "values" $node.values) | fromJson -}}
{{- $p2p := $settings.p2p | default dict -}}
{{- if and (gt (int $node.values.replicas) 0) (ne ($p2p.exposure | default "ClusterIP") "ClusterIP") -}}
{{- $perPod := eq $p2p.exposure "NodePort" -}}
{{- $ips := dict -}}
{{- range $ordinal, $pod := $p2p.pods -}}
{{- with $pod.announceIp -}}{{- $_ := set $ips $ordinal . -}}{{- end -}}
{{- end -}}
{{- $_ := set $all $name (dict
  "ip" ($p2p.announceIp | default nil)
  "ips" $ips
  "port" (int64 ($perPod | ternary $p2p.nodePortBase $settings.service.p2pPort))
  "portPerPod" $perPod) -}}
{{- end -}}
{{- end -}}
{{- $all | toJson -}}
{{- end -}}

{{/* The service that leads to one pod from outside. Takes {root, role, group, name, settings, ordinal}. */}}
{{- define "aztec-network.p2pService" -}}
{{- $p2p := .settings.p2p -}}
{{- $port := int .settings.service.p2pPort -}}
{{- $pod := printf "%s-%d" .name (int .ordinal) -}}
{{- $own := get ($p2p.pods | default dict) (toString .ordinal) | default dict -}}
{{- $annotations := merge (dict) ($own.annotations | default dict) ($p2p.annotations | default dict) -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ $pod }}-p2p
  labels:
    {{- include "aztec-network.labels" . | nindent 4 }}
  {{- with $annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  type: {{ $p2p.exposure }}
  # Peers see each other's own addresses; a common address in front of all machines needs them all to answer.
  externalTrafficPolicy: {{ $p2p.externalTrafficPolicy | default (empty (and (eq $p2p.exposure "NodePort") $p2p.announceIp) | ternary "Local" "Cluster") }}
  {{- if and (eq $p2p.exposure "LoadBalancer") (not $annotations) }}
  loadBalancerIP: {{ $own.announceIp | default $p2p.announceIp | quote }}
  {{- end }}
  {{- if eq $p2p.exposure "LoadBalancer" }}
  {{- with $p2p.loadBalancerClass }}
  loadBalancerClass: {{ . }}
  {{- end }}
  {{- with $p2p.loadBalancerSourceRanges }}
  loadBalancerSourceRanges: {{ toJson . }}
  {{- end }}
  {{- end }}
  publishNotReadyAddresses: true
  selector:
    {{- include "aztec-network.selectorLabels" . | nindent 4 }}
    statefulset.kubernetes.io/pod-name: {{ $pod }}
  ports:
    {{- $nodePort := eq $p2p.exposure "NodePort" | ternary (printf ", nodePort: %d" (add (int $p2p.nodePortBase) (int .ordinal))) "" }}
    - {name: p2p, port: {{ $port }}, targetPort: p2p{{ $nodePort }}}
    - {name: p2p-udp, port: {{ $port }}, targetPort: p2p-udp{{ $nodePort }}, protocol: UDP}
    {{- $bundlesPort := eq $p2p.exposure "NodePort" | ternary (int .root.Values.bootNode.joinBundles.nodePort) 0 }}
    {{- if or (eq $p2p.exposure "LoadBalancer") $bundlesPort }}
    {{- with include "aztec-network.bundlesPort" (merge (dict "nodePort" $bundlesPort) .) | trim }}
    {{- . | nindent 4 }}
    {{- end }}
    {{- end }}
{{- end -}}
