{{- define "aztec-chaos.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
app.kubernetes.io/name: aztec-chaos
app.kubernetes.io/instance: {{ .Release.Name | toYaml }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{/* All experiments by name, as JSON: those of `experiments`, and what the scenarios of a network's values stand for. */}}
{{- define "aztec-chaos.experiments" -}}
{{- $all := dict -}}
{{- range $scenario := .Values.chaos.scenarios -}}
{{- if or (ne $scenario.type "pod") (not (has $scenario.action (list "kill" "failure"))) -}}
{{- fail (printf "chaos.scenarios: %s: type %s and action %s; expected type pod, and action kill or failure" $scenario.name $scenario.type $scenario.action) -}}
{{- end -}}
{{- $pods := dict "roles" list "labels" dict -}}
{{- range $key, $value := $scenario.selector.matchLabels -}}
{{- if has $key (list "app" "app.kubernetes.io/component") -}}
{{- $_ := set $pods "roles" (append $pods.roles $value) -}}
{{- else -}}
{{- $_ := set $pods.labels $key $value -}}
{{- end -}}
{{- end -}}
{{- $pod := dict "action" $scenario.action -}}
{{- if ($scenario.actionOptions | default dict).force -}}
{{- $_ := set $pod "gracePeriod" 0 -}}
{{- end -}}
{{- $_ := set $all $scenario.name (dict "pods" $pods "duration" "30s" "pod" $pod) -}}
{{- end -}}
{{- range $name, $experiment := .Values.experiments -}}
{{- if $experiment -}}
{{- $_ := set $all $name $experiment -}}
{{- end -}}
{{- end -}}
{{- $kinds := list "pod" "network" "stress" "clock" "io" "dns" "http" "protocol" "l1" -}}
{{- range $name, $experiment := $all -}}
{{- $faults := list -}}
{{- range $kind := $kinds -}}
{{- if hasKey $experiment $kind -}}{{- $faults = append $faults $kind -}}{{- end -}}
{{- end -}}
{{- if ne (len $faults) 1 -}}
{{- fail (printf "experiments.%s: expected one of %s; there are %d" $name (join ", " $kinds) (len $faults)) -}}
{{- end -}}
{{- with $experiment.network -}}
{{- if and (ne (.direction | default "to") "to") (not .target) (ne .action "partition") -}}
{{- fail (printf "experiments.%s.network.direction: %s needs a target: the fault is done to what its pods send" $name .direction) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $all | toJson -}}
{{- end -}}

{{/* Which pods, and how many of them. Takes {root, pods}. The namespace is the release's, always: a fault that reached
     another network would be nobody's test. */}}
{{- define "aztec-chaos.pods" -}}
{{- $pods := .pods -}}
{{- if $pods.count -}}
mode: fixed
value: {{ $pods.count | int | quote }}
{{- else if $pods.percent -}}
mode: fixed-percent
value: {{ $pods.percent | int | quote }}
{{- else -}}
mode: all
{{- end }}
selector:
  namespaces:
    - {{ .root.Release.Namespace | toYaml }}
  labelSelectors:
    app.kubernetes.io/name: aztec-network
    {{- with $pods.labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- if or $pods.roles $pods.groups $pods.ordinals $pods.names }}
  expressionSelectors:
    {{- with $pods.roles }}
    - key: app.kubernetes.io/component
      operator: In
      values: {{ toJson . }}
    {{- end }}
    {{- with $pods.groups }}
    - key: aznet.dev/group
      operator: In
      values: {{ toJson . }}
    {{- end }}
    {{- with $pods.ordinals }}
    - key: apps.kubernetes.io/pod-index
      operator: In
      values:
        {{- range . }}
        - {{ int . | quote }}
        {{- end }}
    {{- end }}
    {{- with $pods.names }}
    - key: statefulset.kubernetes.io/pod-name
      operator: In
      values: {{ toJson . }}
    {{- end }}
  {{- end }}
{{- end -}}
