{{/* Environment: the pod's identity, then by name, the user's last word. */}}
{{- define "aztec-network.env" -}}
{{- $service := .settings.service -}}
{{- $env := dict "HOME" "/tmp" "DATA_DIRECTORY" "/data" -}}
{{- with .settings.logLevel -}}{{- $_ := set $env "LOG_LEVEL" . -}}{{- end -}}
{{- with .settings.debug -}}{{- $_ := set $env "DEBUG" . -}}{{- end -}}
{{- if .nodejs -}}
{{- $_ := set $env (eq .role "pxe" | ternary "PXE_PORT" "AZTEC_PORT") (int ($service.targetPort | default $service.nodePort)) -}}
{{- with .settings.maxOldSpaceSize -}}{{- $_ := set $env "NODE_OPTIONS" (printf "--max-old-space-size=%d" (int .)) -}}{{- end -}}
{{- end -}}
{{- if .node -}}
{{- $_ := set $env "AZTEC_ADMIN_PORT" (int $service.adminPort) -}}
{{- $_ := set $env "P2P_PORT" (int $service.p2pPort) -}}
{{- end -}}
{{- if .nodejs -}}{{- $env = mergeOverwrite $env (include "aztec-network.telemetryEnv" . | fromJson) -}}{{- end -}}
{{- if include "aztec-network.paysForDeployment" . -}}
{{- $_ := set $env "AZNET_DEPLOY_DEADLINE" (printf "%ss" (include "aztec-network.deploymentSeconds" .)) -}}
{{- end -}}
{{- if or (eq (include "aztec-network.keySource" .) "keystore") (include "aztec-network.publishesAttesters" .) -}}
{{- $_ := set $env "AZNET_KEYSTORE_DIR" "/aznet/keystore" -}}
{{- end -}}
{{- $env = mergeOverwrite $env (include "aztec-network.roleEnv" . | fromJson) (.settings.env | default dict) -}}
{{- $secret := "" -}}
{{- if .node -}}
{{- $secret = include "aztec-network.blobStoreSecret" .root -}}
{{- if .root.Values.blobStore.enabled -}}{{- $_ := set $env "AWS_REGION" (get $env "AWS_REGION" | default .root.Values.blobStore.region) -}}{{- end -}}
{{- end -}}
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: POD_IP
  valueFrom:
    fieldRef:
      fieldPath: status.podIP
- name: POD_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
{{- if and .node (ne (include "aztec-network.exposure" .) "ClusterIP") }}
- name: HOST_IP
  valueFrom:
    fieldRef:
      fieldPath: status.hostIP
{{- end }}
{{- if $secret }}
{{- range $name, $key := dict "AWS_ACCESS_KEY_ID" "accessKeyId" "AWS_SECRET_ACCESS_KEY" "secretAccessKey" }}
{{- if not (hasKey $env $name) }}
- name: {{ $name }}
  valueFrom:
    secretKeyRef:
      name: {{ $secret | toYaml }}
      key: {{ $key }}
{{- end }}
{{- end }}
{{- end }}
{{- with and .nodejs .root.Values.telemetry.enabled .root.Values.telemetry.collector.existingSecret }}
- name: OTEL_EXPORTER_OTLP_HEADERS
  valueFrom:
    secretKeyRef: {name: {{ . | toYaml }}, key: headers}
{{- end }}
{{- if and .node (not (hasKey $env "AZTEC_ADMIN_API_KEY_HASH")) }}
- name: AZTEC_ADMIN_API_KEY_HASH
  valueFrom:
    secretKeyRef:
      name: {{ include "aztec-network.adminKeySecret" .root | toYaml }}
      key: apiKeyHash
{{- end }}
{{- range $name, $value := $env }}
- name: {{ $name | toYaml }}
  value: {{ include "aztec-network.text" $value | quote }}
{{- end }}
{{- end -}}

{{- define "aztec-network.containerPorts" -}}
{{- $service := .settings.service -}}
{{- if .nodejs -}}
- {name: http, containerPort: {{ int ($service.targetPort | default $service.nodePort) }}}
{{- else -}}
- {name: http, containerPort: 8545}
{{- end }}
{{- if .node }}
- {name: admin, containerPort: {{ int $service.adminPort }}}
{{- $machine := eq (include "aztec-network.exposure" .) "HostPort" | ternary (printf ", hostPort: %d" (int $service.p2pPort)) "" }}
- {name: p2p, containerPort: {{ int $service.p2pPort }}{{ $machine }}}
- {name: p2p-udp, containerPort: {{ int $service.p2pPort }}{{ $machine }}, protocol: UDP}
{{- end }}
{{- end -}}

{{/* true for the boot node that deploys the L1 contracts on an L1 that is not the chart's own, where that costs money and time. */}}
{{- define "aztec-network.paysForDeployment" -}}
{{- if and (eq .role "boot-node") (not .root.Values.l1.anvil.enabled) (not .root.Values.network.registryAddress) -}}true{{- end -}}
{{- end -}}

{{/* Seconds that such a deployment may take: aznet-node stops it then. */}}
{{- define "aztec-network.deploymentSeconds" -}}1800{{- end -}}

{{/* A role's probes as JSON; where contracts are deployed and paid for, the startup probe waits that much longer, for a pod
     that is killed half-way may have to pay again. Takes {root, role, settings}. */}}
{{- define "aztec-network.patientProbes" -}}
{{- $probes := deepCopy (.settings.probes | default dict) -}}
{{- with and (include "aztec-network.paysForDeployment" .) $probes.startup -}}
{{- $period := int (.periodSeconds | default 10) -}}
{{- $more := div (int (include "aztec-network.deploymentSeconds" $)) $period -}}
{{- $_ := set . "failureThreshold" (add (int (.failureThreshold | default 3)) $more) -}}
{{- end -}}
{{- $probes | toJson -}}
{{- end -}}

{{/* The three probes, all with one check. Takes {probes, check}: the check is a handler, by default GET /status. */}}
{{- define "aztec-network.probes" -}}
{{- $check := .check | default (dict "httpGet" (dict "path" "/status" "port" "http")) -}}
{{- range $kind, $probe := .probes }}
{{- if $probe }}
{{ $kind }}Probe:
  {{- toYaml (merge (deepCopy $check) $probe) | nindent 2 }}
{{- end }}
{{- end }}
{{- end -}}
