{{/* RPC URL of a pod. Takes {root, values, host}. */}}
{{- define "aztec-network.rpcUrl" -}}
{{- $settings := include "aztec-network.settings" . | fromJson -}}
{{- printf "http://%s:%v" .host (int ($settings.service.targetPort | default $settings.service.nodePort)) -}}
{{- end -}}

{{/* RPC URL of the boot node; empty where there is none. */}}
{{- define "aztec-network.bootNodeUrl" -}}
{{- if gt (int .Values.bootNode.replicas) 0 -}}
{{- include "aztec-network.rpcUrl" (dict "root" . "values" .Values.bootNode "host" "boot-node-0.boot-node") -}}
{{- end -}}
{{- end -}}

{{/* The RPC that wallets use: the full nodes together, or the boot node; empty where there is neither. */}}
{{- define "aztec-network.nodeUrl" -}}
{{- if gt (int .Values.fullNode.replicas) 0 -}}
{{- include "aztec-network.rpcUrl" (dict "root" . "values" .Values.fullNode "host" "full-node") -}}
{{- else -}}
{{- include "aztec-network.bootNodeUrl" . -}}
{{- end -}}
{{- end -}}

{{/* RPC URL of the first wallet server; empty where there is none. */}}
{{- define "aztec-network.pxeUrl" -}}
{{- if gt (int .Values.pxe.replicas) 0 -}}
{{- include "aztec-network.rpcUrl" (dict "root" . "values" .Values.pxe "host" "pxe-0.pxe") -}}
{{- end -}}
{{- end -}}

{{/* true where proofs are real: the first role that says something with `fakeProofs`, else network.realProofs. */}}
{{- define "aztec-network.realProofs" -}}
{{- $said := list -}}
{{- range $role := list .Values.bootNode .Values.fullNode .Values.validator .Values.proverNode .Values.proverBroker .Values.proverAgent .Values.pxe -}}
{{- if kindIs "bool" $role.fakeProofs -}}{{- $said = append $said (not $role.fakeProofs) -}}{{- end -}}
{{- end -}}
{{- append $said .Values.network.realProofs | first -}}
{{- end -}}

{{/* A few nodes that a boot node with a new address can ask, as JSON. */}}
{{- define "aztec-network.peers" -}}
{{- $urls := list -}}
{{- $root := . -}}
{{- range $name, $node := include "aztec-network.nodes" . | fromJson -}}
{{- if has $node.role (list "full-node" "validator") -}}
{{- range $ordinal := until (min 2 (int $node.values.replicas) | int) -}}
{{- $host := printf "%s-%d.%s" $name $ordinal $name -}}
{{- $urls = append $urls (include "aztec-network.rpcUrl" (dict "root" $root "values" $node.values "host" $host)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $urls | toJson -}}
{{- end -}}

{{/* What each group of validators holds, by the name of its workload, as JSON. */}}
{{- define "aztec-network.validatorKeys" -}}
{{- $keys := .Values.keys -}}
{{- $all := dict -}}
{{- range $name, $validators := include "aztec-network.validators" . | fromJson -}}
{{- $values := $validators.values -}}
{{- $offset := int64 $validators.keyOffset -}}
{{- $_ := set $all $name (dict
  "attester" (dict "start" (add $keys.attesterIndexStart $offset) "perReplica" (int64 $values.keysPerReplica))
  "publisher" (dict "start" (add $keys.publisherIndexStart $offset) "perReplica" (int64 $values.publishersPerReplica))
  "replicas" (int64 $values.replicas)) -}}
{{- end -}}
{{- $all | toJson -}}
{{- end -}}

{{/* What every pod reads (`network.json`), as JSON. */}}
{{- define "aztec-network.config" -}}
{{- $network := .Values.network -}}
{{- $l1 := .Values.l1 -}}
{{- $keys := .Values.keys -}}
{{- $blobs := .Values.blobStore.url -}}
{{- if include "aztec-network.ownBlobStore" . -}}{{- $blobs = "s3://blobs/aztec?endpoint=http://blob-store:7070" -}}{{- end -}}
{{- $traces := dict -}}
{{- with $l1.traceUrls -}}{{- $_ := set $traces "traceUrls" . -}}{{- end -}}
{{- $config := dict
  "release" (include "aztec-network.release" .)
  "l1" (merge $traces (dict
    "chainId" (int64 $l1.chainId)
    "blockTime" (int64 $l1.blockTime)
    "executionUrls" ($l1.anvil.enabled | ternary (list "http://anvil:8545") $l1.executionUrls)
    "consensusUrls" $l1.consensusUrls
    "anvil" (or $l1.anvil.enabled $l1.anvil.external)
    "slotsInAnEpoch" (int64 $l1.anvil.slotsInAnEpoch)
    "gas" (dict
      "maxGwei" (include "aztec-network.text" $l1.gas.maxGwei)
      "maxBlobGwei" (include "aztec-network.text" $l1.gas.maxBlobGwei)
      "minPriorityFeeGwei" (include "aztec-network.text" $l1.gas.minPriorityFeeGwei)
      "priorityFeeBumpPercent" (int64 $l1.gas.priorityFeeBumpPercent)
      "priorityFeeRetryBumpPercent" (int64 $l1.gas.priorityFeeRetryBumpPercent)
      "limitBufferPercent" (int64 $l1.gas.limitBufferPercent))))
  "slotDuration" (int64 $network.slotDuration)
  "epochDuration" (int64 $network.epochDuration)
  "committeeSize" (int64 $network.committeeSize)
  "lagInEpochsForValidatorSet" (int64 $network.lagInEpochsForValidatorSet)
  "lagInEpochsForRandao" (int64 $network.lagInEpochsForRandao)
  "proofSubmissionEpochs" (int64 $network.proofSubmissionEpochs)
  "realProofs" (include "aztec-network.realProofs" . | eq "true")
  "realVerifier" $network.realVerifier
  "testAccounts" $network.testAccounts
  "sponsoredFpc" $network.sponsoredFpc
  "skipWarmUp" (and $network.skipWarmUp $l1.anvil.enabled)
  "registryAddress" ($network.registryAddress | default nil)
  "bootstrapNodes" $network.bootstrapNodes
  "staking" $network.staking
  "slashing" (mergeOverwrite (dict "quorum" nil) (deepCopy $network.slashing))
  "sentinel" $network.sentinel
  "endpoints" (dict
    "bootNode" (include "aztec-network.bootNodeUrl" . | default nil)
    "node" (include "aztec-network.nodeUrl" . | default nil)
    "pxe" (include "aztec-network.pxeUrl" . | default nil)
    "proverBroker" (gt (int .Values.proverBroker.replicas) 0 | ternary (include "aztec-network.rpcUrl" (dict "root" . "values" .Values.proverBroker "host" "prover-broker-0.prover-broker")) nil)
    "peers" (include "aztec-network.peers" . | fromJsonArray)
    "blobStore" (.Values.blobStore.enabled | ternary ($blobs | default nil) nil))
  "keys" (dict
    "deployer" (int64 $keys.deployerIndex)
    "prover" (dict "start" (int64 $keys.proverIndexStart) "perReplica" (int64 .Values.proverNode.publishersPerReplica))
    "validators" (include "aztec-network.validatorKeys" . | fromJson)
    "keystores" (ne $keys.keystoreSecret "")
    "remoteSigner" (ne $keys.remoteSigner.url "" | ternary (pick $keys.remoteSigner "url" "pods") nil))
  "announce" (include "aztec-network.announce" . | fromJson)
-}}
{{- $config | toJson -}}
{{- end -}}

{{/* Digest of the configuration that a running pod must be restarted for: nothing that follows from replica counts,
     or from other groups, so that adding pods leaves the others alone. Only wallets and bots talk to the collective RPC.
     Takes {root, role, name}. */}}
{{- define "aztec-network.configChecksum" -}}
{{- $config := include "aztec-network.config" .root | fromJson -}}
{{- $name := .name | default .role -}}
{{- $keys := get $config.keys.validators $name | default dict -}}
{{- $_ := set $config.keys "validators" (omit $keys "replicas") -}}
{{- $_ := set $config "announce" (omit (get $config.announce $name | default dict) "ips") -}}
{{- with $config.keys.remoteSigner }}{{- $_ := unset . "pods" -}}{{- end -}}
{{- $_ := unset $config.endpoints "peers" -}}
{{- if not (has .role (list "pxe" "bot")) -}}{{- $_ := unset $config.endpoints "node" -}}{{- end -}}
{{- if ne .role "bot" -}}{{- $_ := unset $config.endpoints "pxe" -}}{{- end -}}
{{- if eq .role "anvil" -}}{{- $config = dict "l1" $config.l1 -}}{{- end -}}
{{- $config | toJson | sha256sum -}}
{{- end -}}
