{{/* Where a pod's keys are: mnemonic, keystore or remote; empty where it has none. Takes what "aztec-network.podTemplate" takes. */}}
{{- define "aztec-network.keySource" -}}
{{- $keys := .root.Values.keys -}}
{{- $signed := eq .role "prover-node" | ternary (hasKey $keys.remoteSigner.pods "prover-node-0") true -}}
{{- if .keys -}}
{{- if eq .role "boot-node" -}}mnemonic
{{- else if and $keys.remoteSigner.url $signed -}}remote
{{- else if $keys.keystoreSecret -}}keystore
{{- else -}}mnemonic
{{- end -}}
{{- end -}}
{{- end -}}

{{/* true where an init container leaves the attesters' addresses of the keystore Secret for a pod that must not see the keys. */}}
{{- define "aztec-network.publishesAttesters" -}}
{{- if and .keys (eq .role "boot-node") .root.Values.keys.keystoreSecret -}}true{{- end -}}
{{- end -}}

{{/* What the main container sees of keys: files that its group alone can read. */}}
{{- define "aztec-network.keyMounts" -}}
{{- $source := include "aztec-network.keySource" . -}}
{{- if eq $source "mnemonic" }}
- {name: keys, mountPath: /aznet/secrets, readOnly: true}
{{- end }}
{{- if or (eq $source "keystore") (include "aztec-network.publishesAttesters" .) }}
- {name: keystore, mountPath: /aznet/keystore, readOnly: true}
{{- end }}
{{- end -}}

{{/* Modes are decimal: 288 is 0440, for the pod's group only. */}}
{{- define "aztec-network.keyVolumes" -}}
{{- $source := include "aztec-network.keySource" . -}}
{{- if eq $source "mnemonic" }}
- name: keys
  secret:
    secretName: {{ include "aztec-network.keysSecret" .root | toYaml }}
    defaultMode: 288
    items:
      - {key: mnemonic, path: mnemonic}
{{- end }}
{{- if or (eq $source "keystore") (include "aztec-network.publishesAttesters" .) }}
- name: keystores
  secret:
    secretName: {{ .root.Values.keys.keystoreSecret | toYaml }}
    defaultMode: 288
- name: keystore
  emptyDir: {medium: Memory, sizeLimit: 4Mi}
{{- end }}
{{- if and (eq $source "keystore") (include "aztec-network.adminKeySecret" .root) }}
- name: admin-key
  secret:
    secretName: {{ include "aztec-network.adminKeySecret" .root | toYaml }}
    defaultMode: 288
    items:
      - {key: apiKey, path: apiKey}
{{- end }}
{{- end -}}

{{/* Name of the Secret with the key of the admin RPC; empty where that is open. */}}
{{- define "aztec-network.adminKeySecret" -}}
{{- .Values.adminApi.existingSecret | default "admin-api" -}}
{{- end -}}

{{/* The container that sees the whole keystore Secret and hands on what the main one may see: beside it and for as long as
     it runs, or once before it. Takes {root, role, settings, keys}. */}}
{{- define "aztec-network.keystoreContainer" -}}
{{- $publishes := include "aztec-network.publishesAttesters" . -}}
{{- if or (eq (include "aztec-network.keySource" .) "keystore") $publishes }}
- name: keystore
  image: {{ .root.Values.images.aznetNode.image | quote }}
  imagePullPolicy: {{ .root.Values.images.aznetNode.pullPolicy }}
  {{- if $publishes }}
  command: [/aznet-node, keystore, publish]
  {{- else }}
  restartPolicy: Always
  command: [/aznet-node, keystore, hand-over]
  {{- /* Only validators can read keys anew. */}}
  {{- if ne .role "prover-node" }}
  args: [--reload, "http://127.0.0.1:{{ int .settings.service.adminPort }}"]
  {{- end }}
  {{- end }}
  env:
    - name: POD_NAME
      valueFrom:
        fieldRef:
          fieldPath: metadata.name
    - name: AZNET_KEYSTORE_DIR
      value: /aznet/keystore
    {{- $admin := and (not $publishes) (include "aztec-network.adminKeySecret" .root) }}
    {{- if $admin }}
    - name: AZNET_ADMIN_API_KEY_FILE
      value: /aznet/admin/apiKey
    {{- end }}
  securityContext:
    {{- include "aztec-network.securityContext" . | nindent 4 }}
  resources:
    requests: {cpu: 5m, memory: 16Mi}
    limits: {memory: 64Mi}
  volumeMounts:
    - {name: keystores, mountPath: /aznet/keystores, readOnly: true}
    - {name: keystore, mountPath: /aznet/keystore}
    - {name: config, mountPath: /aznet/config, readOnly: true}
    {{- if $admin }}
    - {name: admin-key, mountPath: /aznet/admin, readOnly: true}
    {{- end }}
{{- end }}
{{- end -}}

{{/* Validator pods that run now and are not to any more, as JSON. */}}
{{- define "aztec-network.retiredPods" -}}
{{- $pods := list -}}
{{- $wanted := include "aztec-network.wantedValidators" . | fromJson -}}
{{- $running := (lookup "apps/v1" "StatefulSet" .Release.Namespace "").items -}}
{{- range $workload := $running -}}
{{- $labels := $workload.metadata.labels | default dict -}}
{{- $ours := and (eq (get $labels "app.kubernetes.io/instance") $.Release.Name) (eq (get $labels "app.kubernetes.io/component") "validator") -}}
{{- if $ours -}}
{{- $name := $workload.metadata.name -}}
{{- range $ordinal := untilStep (get $wanted $name | default 0 | int) (int $workload.spec.replicas) 1 -}}
{{- $pods = append $pods (printf "%s-%d" $name $ordinal) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $pods | toJson -}}
{{- end -}}

{{/* Pods of each workload of validators that there are to be, as JSON. */}}
{{- define "aztec-network.wantedValidators" -}}
{{- $wanted := dict -}}
{{- range $name, $validators := include "aztec-network.validators" . | fromJson -}}
{{- $_ := set $wanted $name (int $validators.values.replicas) -}}
{{- end -}}
{{- $wanted | toJson -}}
{{- end -}}
