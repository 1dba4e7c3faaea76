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
{{- if or (gt (int $v.bootNode.replicas) 1) (and $new (lt (int $v.bootNode.replicas) 1)) -}}
{{- $problems = append $problems (printf "bootNode.replicas is %v: it must be 1, or 0 with network.registryAddress and network.bootstrapNodes" $v.bootNode.replicas) -}}
{{- end -}}
{{- $problems = concat $problems (include "aztec-network.wiringProblems" . | fromJsonArray) -}}
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
{{- if and $v.l1.anvil.enabled (or $v.l1.executionUrls $v.l1.existingSecret $v.network.registryAddress) -}}
{{- $problems = append $problems "l1.anvil.enabled is true beside l1.executionUrls, l1.existingSecret or network.registryAddress: choose one L1" -}}
{{- end -}}
{{- if and $v.l1.existingSecret (or $v.l1.executionUrls $v.l1.consensusUrls) -}}
{{- $problems = append $problems "l1.executionUrls or l1.consensusUrls beside l1.existingSecret: URLs come from one place" -}}
{{- end -}}
{{- if not (or $v.l1.anvil.enabled $v.l1.executionUrls $v.l1.existingSecret) -}}
{{- $problems = append $problems "l1.executionUrls is empty while l1.anvil.enabled is false: name your L1, or a Secret in l1.existingSecret" -}}
{{- end -}}
{{- if not (or $v.blobStore.enabled $v.l1.consensusUrls $v.l1.existingSecret) -}}
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

{{/* Who would find nobody, and roles that contradict each other, as JSON. */}}
{{- define "aztec-network.wiringProblems" -}}
{{- $v := .Values -}}
{{- $problems := list -}}
{{- if and $v.network.registryAddress (lt (int $v.bootNode.replicas) 1) (not $v.network.bootstrapNodes) -}}
{{- $problems = append $problems "network.bootstrapNodes is empty while bootNode.replicas is 0: nodes would find no peers" -}}
{{- end -}}
{{- $talkers := add (int $v.pxe.replicas) (int $v.bot.replicas) -}}
{{- if and (gt $talkers 0) (not (include "aztec-network.nodeUrl" .)) -}}
{{- $problems = append $problems "pxe.replicas or bot.replicas without a full node or boot node: they would have nobody to talk to" -}}
{{- end -}}
{{- if and (gt (int $v.bot.replicas) 0) (not $v.bot.existingSecret) -}}
{{- if or (gt (int $v.bot.replicas) 3) (lt (int $v.pxe.replicas) 1) (not $v.network.testAccounts) -}}
{{- $problems = append $problems "bot.replicas: without bot.existingSecret at most 3, and only with network.testAccounts and a pxe, which deploys them" -}}
{{- end -}}
{{- end -}}
{{- $real := list -}}
{{- range $role := list $v.bootNode $v.fullNode $v.validator $v.proverNode $v.proverBroker $v.proverAgent $v.pxe -}}
{{- if kindIs "bool" $role.fakeProofs -}}{{- $real = append $real $role.fakeProofs | uniq -}}{{- end -}}
{{- end -}}
{{- if gt (len $real) 1 -}}
{{- $problems = append $problems "fakeProofs differs between roles: all of a network make and check the same kind of proof" -}}
{{- end -}}
{{- $slashing := $v.network.slashing -}}
{{- $seats := mul (int64 $v.network.committeeSize) (int64 $slashing.roundSizeInEpochs) -}}
{{- if and (not $v.network.registryAddress) (eq $slashing.flavor "tally") (or (lt $seats 1) (gt $seats 512) (ne (mod $seats 4) 0)) -}}
{{- $problems = append $problems (printf "network.slashing.flavor tally needs committeeSize * roundSizeInEpochs (%d) to be a multiple of 4 from 4 to 512" $seats) -}}
{{- end -}}
{{- $problems | toJson -}}
{{- end -}}
