{{/* Pods that aznet-node sets up. Takes {root, role, values, image}, of a group {name, group}, and, where they hold,
     `nodejs`: it is a Node.js process with an HTTP port of its own; `node`: it is an Aztec node, with p2p, admin port and
     blobs; `keys`: it holds keys; `stateless`: it keeps nothing; `check`: how to probe it, instead of GET /status. */}}
{{- define "aztec-network.podTemplate" -}}
{{- $settings := include "aztec-network.settings" . | fromJson -}}
metadata:
  labels:
    {{- include "aztec-network.selectorLabels" . | nindent 4 }}
    {{- with $settings.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    aznet.dev/config-checksum: {{ include "aztec-network.configChecksum" . }}
    kubectl.kubernetes.io/default-container: {{ .role }}
    {{- with $settings.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "aztec-network.serviceAccountName" (merge (dict "settings" $settings) .) | toYaml }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  {{- if hasKey $settings "terminationGracePeriodSeconds" }}
  terminationGracePeriodSeconds: {{ int $settings.terminationGracePeriodSeconds }}
  {{- end }}
  securityContext:
    {{- include "aztec-network.podSecurityContext" . | nindent 4 }}
    {{- if .node }}
    {{- /* Else an outgoing connection may be given the p2p port, and the node can't listen on it until a minute later. */}}
    sysctls:
      - {name: net.ipv4.ip_local_reserved_ports, value: {{ int $settings.service.p2pPort | quote }}}
    {{- end }}
  {{- with include "aztec-network.scheduling" (merge (dict "settings" $settings) .) | trim }}
  {{- . | nindent 2 }}
  {{- end }}
  initContainers:
    - name: install
      image: {{ .root.Values.images.aznetNode.image | quote }}
      imagePullPolicy: {{ .root.Values.images.aznetNode.pullPolicy }}
      command: [/aznet-node, install, /aznet/bin]
      securityContext:
        {{- include "aztec-network.securityContext" . | nindent 8 }}
      resources:
        requests: {cpu: 10m, memory: 16Mi}
        limits: {memory: 64Mi}
      volumeMounts:
        - {name: bin, mountPath: /aznet/bin}
    {{- with include "aztec-network.keystoreContainer" (merge (dict "settings" $settings) .) | trim }}
    {{- . | nindent 4 }}
    {{- end }}
    {{- with include "aztec-network.bundlesContainer" (merge (dict "settings" $settings) .) | trim }}
    {{- . | nindent 4 }}
    {{- end }}
  containers:
    - name: {{ .role }}
      image: {{ $settings.image | default .image.image | quote }}
      imagePullPolicy: {{ .image.pullPolicy }}
      command: [/aznet/bin/aznet-node, run, {{ .role }}]
      {{- with $settings.args }}
      args:
        {{- toYaml (prepend . "--") | nindent 8 }}
      {{- end }}
      env:
        {{- include "aztec-network.env" (merge (dict "settings" $settings) .) | nindent 8 }}
      {{- with $settings.envFrom }}
      envFrom:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      ports:
        {{- include "aztec-network.containerPorts" (merge (dict "settings" $settings) .) | nindent 8 }}
      {{- $probes := include "aztec-network.patientProbes" (merge (dict "settings" $settings) .) | fromJson }}
      {{- include "aztec-network.probes" (dict "probes" $probes "check" .check) | trim | nindent 6 }}
      securityContext:
        {{- include "aztec-network.securityContext" . | nindent 8 }}
      resources:
        {{- toYaml $settings.resources | nindent 8 }}
      volumeMounts:
        - {name: bin, mountPath: /aznet/bin, readOnly: true}
        - {name: config, mountPath: /aznet/config, readOnly: true}
        {{- with include "aztec-network.keyMounts" . | trim }}
        {{- . | nindent 8 }}
        {{- end }}
        {{- range $name, $secret := include "aztec-network.secrets" . | fromJson }}
        - {name: {{ $name }}, mountPath: /aznet/{{ $name }}, readOnly: true}
        {{- end }}
        - {name: data, mountPath: /data}
        - {name: tmp, mountPath: /tmp}
  volumes:
    - name: bin
      emptyDir: {}
    - name: config
      configMap:
        name: network-config
    {{- with include "aztec-network.keyVolumes" . | trim }}
    {{- . | nindent 4 }}
    {{- end }}
    {{- with include "aztec-network.bundlesVolume" . | trim }}
    {{- . | nindent 4 }}
    {{- end }}
    {{- range $name, $secret := include "aztec-network.secrets" . | fromJson }}
    - name: {{ $name }}
      secret:
        secretName: {{ $secret | toYaml }}
        defaultMode: 288
    {{- end }}
    - name: tmp
      emptyDir: {}
    {{- with include "aztec-network.dataVolume" (merge (dict "settings" $settings) .) }}
    {{- . | nindent 4 }}
    {{- end }}
{{- end -}}

{{/* The data volume, unless a StatefulSet claims one for each pod. */}}
{{- define "aztec-network.dataVolume" -}}
{{- if or .stateless (not .settings.storage.enabled) -}}
- name: data
  emptyDir: {{ include "aztec-network.emptyDir" (ternary (dict) .settings.storage (eq (toString .settings.storage.enabled) "true")) }}
{{- else if eq .role "anvil" -}}
- name: data
  persistentVolumeClaim:
    claimName: anvil
{{- end -}}
{{- end -}}

{{/* Takes {root, role, group, settings}. */}}
{{- define "aztec-network.scheduling" -}}
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ if kindIs "map" . }}{{ .name | toYaml }}{{ else }}{{ . | toYaml }}{{ end }}
  {{- end }}
{{- end }}
{{- with .settings.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .settings.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .settings.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .settings.topologySpreadConstraints }}
{{- $own := dict "labelSelector" (dict "matchLabels" (include "aztec-network.selectorLabels" $ | fromYaml)) }}
topologySpreadConstraints:
  {{- range . }}
  - {{- merge (deepCopy .) (hasKey . "labelSelector" | ternary dict $own) | toYaml | nindent 4 }}
  {{- end }}
{{- end }}
{{- with .settings.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- end -}}
