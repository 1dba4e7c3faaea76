{{/* The budget of a role's pods, of all groups. Takes {root, role, values, maxUnavailable}: the last where nothing is said. */}}
{{- define "aztec-network.budget" -}}
{{- $budget := (include "aztec-network.settings" . | fromJson).podDisruptionBudget | default dict -}}
{{- if ne (toString $budget.enabled) "false" -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ .role }}
  labels:
    {{- include "aztec-network.labels" . | nindent 4 }}
spec:
  {{- if hasKey $budget "minAvailable" }}
  minAvailable: {{ include "aztec-network.count" $budget.minAvailable }}
  {{- else if hasKey $budget "maxUnavailable" }}
  maxUnavailable: {{ include "aztec-network.count" $budget.maxUnavailable }}
  {{- else }}
  maxUnavailable: {{ .maxUnavailable }}
  {{- end }}
  # A pod that doesn't serve holds nothing up.
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "aztec-network.selectorLabels" . | nindent 6 }}
{{- end -}}
{{- end -}}

{{/* A number, or a share in quotes. */}}
{{- define "aztec-network.count" -}}
{{- if contains "%" (toString .) -}}{{ . | quote }}{{- else -}}{{ int . }}{{- end -}}
{{- end -}}

{{/* Pods of all groups of validators. */}}
{{- define "aztec-network.validatorPods" -}}
{{- $pods := 0 -}}
{{- range include "aztec-network.validators" . | fromJson -}}
{{- $pods = add $pods (int64 .values.replicas) -}}
{{- end -}}
{{- $pods -}}
{{- end -}}

{{/* Attesters of all groups of validators. */}}
{{- define "aztec-network.attesters" -}}
{{- $attesters := 0 -}}
{{- range include "aztec-network.validators" . | fromJson -}}
{{- $attesters = add $attesters (mul (int64 .values.replicas) (int64 .values.keysPerReplica)) -}}
{{- end -}}
{{- $attesters -}}
{{- end -}}

{{/* Validator pods that may be away whatever committee is drawn: of n members floor(2n/3)+1 must attest, and a pod takes all
     its keys with it. 1 where the committee isn't this release's. */}}
{{- define "aztec-network.spareValidators" -}}
{{- $size := int64 .Values.network.committeeSize -}}
{{- $most := 1 -}}
{{- range include "aztec-network.validators" . | fromJson -}}
{{- if gt (int .values.replicas) 0 -}}{{- $most = max $most (int64 .values.keysPerReplica) -}}{{- end -}}
{{- end -}}
{{- if or .Values.network.registryAddress (eq $size 0) -}}
1
{{- else -}}
{{- div (sub $size (add (div (mul 2 $size) 3) 1)) $most -}}
{{- end -}}
{{- end -}}
