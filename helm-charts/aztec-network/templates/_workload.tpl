{{/* A role's StatefulSet. Takes what "aztec-network.podTemplate" takes; `name` where it isn't the role's. */}}
{{- define "aztec-network.statefulSet" -}}
{{- $settings := include "aztec-network.settings" . | fromJson -}}
{{- if gt (int .values.replicas) 0 -}}
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: {{ .name | default .role }}
  labels:
    {{- include "aztec-network.labels" . | nindent 4 }}
spec:
  replicas: {{ int .values.replicas }}
  serviceName: {{ .name | default .role }}
  podManagementPolicy: Parallel
  {{- include "aztec-network.updateStrategy" (merge (dict "settings" $settings) .) | nindent 2 }}
  selector:
    matchLabels:
      {{- include "aztec-network.selectorLabels" . | nindent 6 }}
  template:
    {{- include "aztec-network.podTemplate" . | nindent 4 }}
  {{- include "aztec-network.claimTemplates" (merge (dict "storage" $settings.storage) .) | nindent 2 }}
{{- end -}}
{{- end -}}

{{/* How a StatefulSet replaces its pods: one at a time, the next when the last has served for a while. A validator attests
     in the slot after it is ready, so that a slot is that while. Takes {root, role, settings}. */}}
{{- define "aztec-network.updateStrategy" -}}
{{- $strategy := .settings.updateStrategy | default dict -}}
{{- $wait := eq .role "validator" | ternary .root.Values.network.slotDuration 0 -}}
{{- if hasKey $strategy "minReadySeconds" -}}{{- $wait = $strategy.minReadySeconds -}}{{- end -}}
{{- with int $wait -}}
minReadySeconds: {{ . }}
{{ end -}}
updateStrategy:
  type: RollingUpdate
  {{- with int $strategy.partition }}
  rollingUpdate:
    partition: {{ . }}
  {{- end }}
{{- end -}}

{{/* The headless service of a StatefulSet: each pod has the name {name}-{ordinal}.{name}.
     Takes {root, role, name, group, values, node, readyOnly}. `readyOnly`: the names are those of ready pods only. */}}
{{- define "aztec-network.headlessService" -}}
{{- $settings := include "aztec-network.settings" . | fromJson -}}
{{- if gt (int .values.replicas) 0 -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ .name | default .role }}
  labels:
    {{- include "aztec-network.labels" . | nindent 4 }}
spec:
  clusterIP: None
  publishNotReadyAddresses: {{ not .readyOnly }}
  selector:
    {{- include "aztec-network.selectorLabels" . | nindent 4 }}
  ports:
    - {name: http, port: {{ int ($settings.service.targetPort | default $settings.service.nodePort) }}, targetPort: http}
    {{- if .node }}
    - {name: admin, port: {{ int $settings.service.adminPort }}, targetPort: admin}
    - {name: p2p, port: {{ int $settings.service.p2pPort }}, targetPort: p2p}
    - {name: p2p-udp, port: {{ int $settings.service.p2pPort }}, targetPort: p2p-udp, protocol: UDP}
    {{- end }}
    {{- with include "aztec-network.bundlesPort" . | trim }}
    {{- . | nindent 4 }}
    {{- end }}
{{- end -}}
{{- end -}}

{{/* Volumes of a StatefulSet. Takes {root, role, group, storage}. */}}
{{- define "aztec-network.claimTemplates" -}}
{{- if .storage.enabled -}}
persistentVolumeClaimRetentionPolicy:
  whenDeleted: {{ include "aztec-network.whenDeleted" . }}
  whenScaled: {{ (.storage.retentionPolicy | default dict).whenScaled | default "Retain" }}
volumeClaimTemplates:
  - metadata:
      name: data
      labels:
        {{- include "aztec-network.selectorLabels" . | nindent 8 }}
    spec:
      {{- include "aztec-network.claim" .storage | nindent 6 }}
{{- end -}}
{{- end -}}

{{/* What happens to volumes with the release: those of networks for tests are of no use without it. Takes {root, storage}. */}}
{{- define "aztec-network.whenDeleted" -}}
{{- (.storage.retentionPolicy | default dict).whenDeleted | default (.root.Values.network.testAccounts | ternary "Delete" "Retain") -}}
{{- end -}}

{{/* Annotations of a claim that is the release's own object. Takes {root, storage}. */}}
{{- define "aztec-network.claimAnnotations" -}}
{{- if eq (include "aztec-network.whenDeleted" .) "Retain" -}}
annotations:
  helm.sh/resource-policy: keep
{{- end -}}
{{- end -}}

{{/* What data is on that is deleted with the pod. Takes the storage settings. */}}
{{- define "aztec-network.emptyDir" -}}
{{- if eq (.medium | default "") "Memory" -}}
{medium: Memory{{ with .size }}, sizeLimit: {{ include "aztec-network.text" . | toYaml }}{{ end }}}
{{- else -}}
{}
{{- end -}}
{{- end -}}

{{/* Spec of a claim. Takes the storage settings. */}}
{{- define "aztec-network.claim" -}}
accessModes: [ReadWriteOnce]
{{- with .storageClass }}
storageClassName: {{ . | quote }}
{{- end }}
resources:
  requests:
    storage: {{ include "aztec-network.text" (required "storage.size is null: a volume needs a size, or storage.enabled false" .size) | toYaml }}
{{- end -}}
