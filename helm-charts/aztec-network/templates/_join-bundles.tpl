{{/* true for the role whose pods serve the bundles of those who join. Takes {root, role}. */}}
{{- define "aztec-network.servesBundles" -}}
{{- if and (eq .role "boot-node") .root.Values.bootNode.joinBundles.enabled -}}true{{- end -}}
{{- end -}}

{{/* The container that serves them, beside the node's. Takes {root, role, settings}. */}}
{{- define "aztec-network.bundlesContainer" -}}
{{- if include "aztec-network.servesBundles" . }}
{{- $port := int .root.Values.bootNode.joinBundles.port }}
- name: join-bundles
  image: {{ .root.Values.images.aznetNode.image | quote }}
  imagePullPolicy: {{ .root.Values.images.aznetNode.pullPolicy }}
  restartPolicy: Always
  command: [/aznet-node, serve, /aznet/join-bundles, "--port={{ $port }}"]
  ports:
    - {name: join-bundles, containerPort: {{ $port }}{{ eq (include "aztec-network.exposure" .) "HostPort" | ternary (printf ", hostPort: %d" $port) "" }}}
  securityContext:
    {{- include "aztec-network.securityContext" . | nindent 4 }}
  resources:
    requests: {cpu: 5m, memory: 16Mi}
    limits: {memory: 64Mi}
  volumeMounts:
    - {name: join-bundles, mountPath: /aznet/join-bundles, readOnly: true}
{{- end }}
{{- end -}}

{{/* What it serves: what was read from the network while it ran, so that there is none at first. */}}
{{- define "aztec-network.bundlesVolume" -}}
{{- if include "aztec-network.servesBundles" . }}
- name: join-bundles
  configMap:
    name: join-bundles
    optional: true
{{- end }}
{{- end -}}

{{/* The port of a Service that leads to it. Takes {root, role}, and nodePort where machines have one for it. */}}
{{- define "aztec-network.bundlesPort" -}}
{{- if include "aztec-network.servesBundles" . }}
- {name: join-bundles, port: {{ int .root.Values.bootNode.joinBundles.port }}, targetPort: join-bundles{{ with .nodePort }}, nodePort: {{ . }}{{ end }}}
{{- end }}
{{- end -}}
