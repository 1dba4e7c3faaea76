{{/* Rules that guard a plain `helm install`; `aznet plan` knows all of them and says more. */}}
{{- define "aztec-network.validate" -}}
{{- $v := .Values -}}
{{- $problems := list -}}
{{- $new := not $v.network.registryAddress -}}
{{- $slot := int64 $v.network.slotDuration -}}
{{- $block := int64 $v.l1.blockTime -}}
{{- range $key, $value := dict
  "network.slotDuration" $v.network.slotDuration "network.epochDuration" $v.network.epochDuration
  "network.proofSubmissionEpochs" $v.network.proofSubmissionEpochs "l1.blockTime" $v.l1.blockTime
  "validator.keysPerReplica" $v.validator.keysPerReplica -}}
{{- if lt (int64 $value) 1 -}}
{{- $problems = append $problems (printf "%s is %v: make it 1 or more" $key $value) -}}
{{- end -}}
{{- end -}}
{{- if and (gt $block 0) (ne (mod $slot (max 1 $block)) 0) -}}
{{- $problems = append $problems (printf "network.slotDuration is %d: make it a multiple of l1.blockTime (%d)" $slot $block) -}}
{{- end -}}
{{- if ne (int $v.bootNode.replicas) 1 -}}
{{- $problems = append $problems (printf "bootNode.replicas is %v: it must be 1" $v.bootNode.replicas) -}}
{{- end -}}
{{- $validators := mul (int64 $v.validator.replicas) (int64 $v.validator.keysPerReplica) -}}
{{- if and $new (lt $validators 1) -}}
{{- $problems = append $problems "validator.replicas is 0: a new network needs validators; or give network.registryAddress" -}}
{{- else if and $new (gt (int64 $v.network.committeeSize) $validators) -}}
{{- $problems = append $problems (printf "network.committeeSize is %v with %d validators (validator.replicas * validator.keysPerReplica): add validators or lower it" $v.network.committeeSize $validators) -}}
{{- end -}}
{{- /* With neither broker nor agents a prover node proves by itself. */}}
{{- $shared := or (gt (int $v.proverBroker.replicas) 0) (gt (int $v.proverAgent.replicas) 0) -}}
{{- if and $shared (gt (int $v.proverNode.replicas) 0) (lt (int $v.proverAgent.replicas) 1) -}}
{{- $problems = append $problems "proverAgent.replicas is 0 while there is a prover broker: nobody would prove" -}}
{{- end -}}
{{- $broker := gt (int $v.proverAgent.replicas) 0 | ternary 1 0 -}}
{{- if or (gt (int $v.proverBroker.replicas) 1) (lt (int $v.proverBroker.replicas) $broker) -}}
{{- $problems = append $problems (printf "proverBroker.replicas is %v: make it 1" $v.proverBroker.replicas) -}}
{{- end -}}
{{- if and $v.l1.anvil.enabled (or $v.l1.executionUrls $v.network.registryAddress) -}}
{{- $problems = append $problems "l1.anvil.enabled is true beside l1.executionUrls or network.registryAddress: choose one L1" -}}
{{- end -}}
{{- if not (or $v.l1.anvil.enabled $v.l1.executionUrls) -}}
{{- $problems = append $problems "l1.executionUrls is empty while l1.anvil.enabled is false: name your L1" -}}
{{- end -}}
{{- if not (or $v.blobStore.enabled $v.l1.consensusUrls) -}}
{{- $problems = append $problems "blobStore.enabled is false and l1.consensusUrls is empty: nodes could not get blobs" -}}
{{- end -}}
{{- $problems = concat $problems (include "aztec-network.keyProblems" . | fromJsonArray) -}}
{{- if $problems -}}
{{- fail (printf "\n\nthese values can't work:\n- %s\n" (join "\n- " $problems)) -}}
{{- end -}}
{{- end -}}

{{/* Key ranges that overlap, as JSON. */}}
{{- define "aztec-network.keyProblems" -}}
{{- $v := .Values -}}
{{- $keys := $v.keys -}}
{{- $claims := list
  (dict "key" "keys.deployerIndex" "start" (int64 $keys.deployerIndex) "count" 1)
  (dict "key" "keys.attesterIndexStart" "start" (int64 $keys.attesterIndexStart) "count" (mul $v.validator.replicas $v.validator.keysPerReplica))
  (dict "key" "keys.publisherIndexStart" "start" (int64 $keys.publisherIndexStart) "count" (mul $v.validator.replicas $v.validator.publishersPerReplica))
  (dict "key" "keys.proverIndexStart" "start" (int64 $keys.proverIndexStart) "count" (mul $v.proverNode.replicas $v.proverNode.publishersPerReplica)) -}}
{{- $problems := list -}}
{{- range $n, $one := $claims -}}
{{- range $other := slice $claims 0 $n -}}
{{- $apart := or (le (add $one.start $one.count) $other.start) (le (add $other.start $other.count) $one.start) -}}
{{- if and (gt (int64 $one.count) 0) (gt (int64 $other.count) 0) (not $apart) -}}
{{- $problems = append $problems (printf "%s (%d, %d keys) overlaps %s (%d, %d keys): move one" $one.key $one.start (int64 $one.count) $other.key $other.start (int64 $other.count)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $problems | toJson -}}
{{- end -}}
