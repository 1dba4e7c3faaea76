{{/* The kind of Chaos Mesh's object for a fault. Takes the experiment. */}}
{{- define "aztec-chaos.kind" -}}
{{- $kinds := dict "pod" "PodChaos" "network" "NetworkChaos" "stress" "StressChaos" "clock" "TimeChaos" "io" "IOChaos" "dns" "DNSChaos" "http" "HTTPChaos" -}}
{{- range $key, $kind := $kinds -}}
{{- if hasKey $ $key -}}{{- $kind -}}{{- end -}}
{{- end -}}
{{- end -}}

{{/* What an object of that kind is to do, without how long. Takes {root, experiment}. */}}
{{- define "aztec-chaos.spec" -}}
{{ include "aztec-chaos.pods" (dict "root" .root "pods" .experiment.pods) }}
{{- with .experiment.pod }}
action: {{ if ne .action "container-kill" }}pod-{{ end }}{{ .action }}
{{- with .containers }}
containerNames: {{ toJson . }}
{{- end }}
{{- if hasKey . "gracePeriod" }}
gracePeriod: {{ .gracePeriod | int }}
{{- end }}
{{- end }}
{{- with .experiment.network }}
{{- include "aztec-chaos.network" (dict "root" $.root "fault" .) | nindent 0 }}
{{- end }}
{{- with .experiment.stress }}
stressors:
  {{- with .cpu }}
  cpu:
    workers: {{ .workers | int }}
    load: {{ .load | default 100 | int }}
  {{- end }}
  {{- with .memory }}
  memory:
    workers: {{ .workers | int }}
    size: {{ .size | quote }}
  {{- end }}
{{- end }}
{{- with .experiment.clock }}
timeOffset: {{ .offset | quote }}
{{- with .containers }}
containerNames: {{ toJson . }}
{{- end }}
{{- end }}
{{- with .experiment.io }}
action: {{ .action }}
volumePath: {{ .volume | quote }}
{{- with .path }}
path: {{ . | quote }}
{{- end }}
{{- with .delay }}
delay: {{ . | quote }}
{{- end }}
{{- with .errno }}
errno: {{ int . }}
{{- end }}
percent: {{ .percent | default 100 | int }}
{{- with .containers }}
containerNames: {{ toJson . }}
{{- end }}
{{- end }}
{{- with .experiment.dns }}
action: {{ .action }}
{{- with .patterns }}
patterns: {{ toJson . }}
{{- end }}
{{- end }}
{{- with .experiment.http }}
target: Request
port: {{ int .port }}
path: {{ .path | default "*" | quote }}
{{- with .method }}
method: {{ . | quote }}
{{- end }}
{{- if eq .action "abort" }}
abort: true
{{- else }}
delay: {{ .delay | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{/* A fault of the network. Takes {root, fault}. */}}
{{- define "aztec-chaos.network" -}}
{{- $root := .root -}}
{{- with .fault -}}
action: {{ .action }}
direction: {{ .direction | default "to" }}
{{- with .target }}
target:
  {{- include "aztec-chaos.pods" (dict "root" $root "pods" .) | nindent 2 }}
{{- end }}
{{- if eq .action "delay" }}
delay:
  latency: {{ .latency | quote }}
  jitter: {{ .jitter | default "0ms" | quote }}
  correlation: {{ .correlation | default 0 | toString | quote }}
{{- else if has .action (list "loss" "duplicate" "corrupt") }}
{{ .action }}:
  {{ .action }}: {{ .percent | toString | quote }}
  correlation: {{ .correlation | default 0 | toString | quote }}
{{- else if eq .action "bandwidth" }}
bandwidth:
  rate: {{ .rate | quote }}
  # What waits, and what may pass at once.
  limit: 20971520
  buffer: 10000
{{- end }}
{{- end -}}
{{- end -}}
