{{- define "aztec-network.chart" -}}
{{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* Labels of a component's objects. Takes {root, role}. */}}
{{- define "aztec-network.labels" -}}
helm.sh/chart: {{ include "aztec-network.chart" .root }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
app.kubernetes.io/part-of: aztec-network
{{ include "aztec-network.selectorLabels" . }}
{{- end -}}

{{/* The stable part of the labels: never changes over upgrades. Takes {root, role}. */}}
{{- define "aztec-network.selectorLabels" -}}
app.kubernetes.io/name: aztec-network
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .role }}
{{- end -}}

{{/* A role's settings over `defaults`, as JSON. A null means "as in defaults". Takes {root, values}. */}}
{{- define "aztec-network.settings" -}}
{{- $own := dict -}}
{{- range $key, $value := .values -}}
{{- if not (kindIs "invalid" $value) -}}{{- $_ := set $own $key $value -}}{{- end -}}
{{- end -}}
{{- mergeOverwrite (deepCopy .root.Values.defaults) (deepCopy $own) | toJson -}}
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
