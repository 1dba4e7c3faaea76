{{- define "aztec-network.chart" -}}
{{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* Labels of a component's objects. Takes {root, role, group}. */}}
{{- define "aztec-network.labels" -}}
helm.sh/chart: {{ include "aztec-network.chart" .root }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/part-of: aztec-network
{{ include "aztec-network.selectorLabels" . }}
{{- end -}}

{{/* The stable part of the labels: never changes over upgrades. Takes {root, role, group}; groups are the validators'. */}}
{{- define "aztec-network.selectorLabels" -}}
app.kubernetes.io/name: aztec-network
app.kubernetes.io/instance: {{ .root.Release.Name | toYaml }}
app.kubernetes.io/component: {{ .role }}
{{- with .group }}
aznet.dev/group: {{ . | toYaml }}
{{- end }}
{{- end -}}

{{/* A role's settings over `defaults`, as JSON. Takes {root, values}. */}}
{{- define "aztec-network.settings" -}}
{{- $sections := dict "service" (dict) "resources" (dict) "probes" (dict) "storage" (dict) -}}
{{- mergeOverwrite $sections (deepCopy .root.Values.defaults) .values | toJson -}}
{{- end -}}

{{/* The groups of validators by the names of their workloads, as JSON: {group, keyOffset, values}, where a further group's
     values are its own over those of `validator`. */}}
{{- define "aztec-network.validators" -}}
{{- $first := .Values.validator -}}
{{- $all := dict "validator" (dict "group" "default" "keyOffset" 0 "values" $first) -}}
{{- range $name, $group := .Values.validatorGroups -}}
{{- $_ := set $all (printf "validator-%s" $name) (dict "group" $name "keyOffset" $group.keyOffset "values" (mergeOverwrite (deepCopy $first) $group)) -}}
{{- end -}}
{{- $all | toJson -}}
{{- end -}}

{{/* The workloads that run Aztec's node, by name, as JSON: {role, group, values}. */}}
{{- define "aztec-network.nodes" -}}
{{- $all := dict
  "boot-node" (dict "role" "boot-node" "values" .Values.bootNode)
  "full-node" (dict "role" "full-node" "values" .Values.fullNode)
  "prover-node" (dict "role" "prover-node" "values" .Values.proverNode) -}}
{{- range $name, $validators := include "aztec-network.validators" . | fromJson -}}
{{- $_ := set $all $name (dict "role" "validator" "group" $validators.group "values" $validators.values) -}}
{{- end -}}
{{- $all | toJson -}}
{{- end -}}

{{/* true where the chart runs the blob store itself. */}}
{{- define "aztec-network.ownBlobStore" -}}
{{- if and .Values.blobStore.enabled (not .Values.blobStore.url) -}}true{{- end -}}
{{- end -}}

{{/* Name of the Secret with the blob store's credentials; empty: none needed. */}}
{{- define "aztec-network.blobStoreSecret" -}}
{{- if .Values.blobStore.enabled -}}
{{- .Values.blobStore.existingSecret | default (and (include "aztec-network.ownBlobStore" .) "blob-store") -}}
{{- end -}}
{{- end -}}

{{- define "aztec-network.keysSecret" -}}
{{ .Values.keys.existingSecret | default "keys" }}
{{- end -}}

{{/* Restricted Pod Security, for pods. */}}
{{- define "aztec-network.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 1000
runAsGroup: 1000
fsGroup: 1000
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{/* Restricted Pod Security, for containers. */}}
{{- define "aztec-network.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}
