{{/* Name of all objects: a service has it, so it begins with a letter and has no dots; pods add to it. */}}
{{- define "awin.fullname" -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- $full := ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- $full = default $full .Values.fullnameOverride | replace "." "-" | trunc 40 | trimAll "-" -}}
{{- if regexMatch "^[0-9]" $full }}{{ fail (printf "fullnameOverride is needed: %s is no name of a service, which begins with a letter" $full) }}{{ end -}}
{{- $full -}}
{{- end -}}

{{- define "awin.selectorLabels" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{- define "awin.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | quote }}
{{ include "awin.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
{{- end -}}

{{- define "awin.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "awin.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* Where pods may run, the hook's and the test's too. */}}
{{- define "awin.placement" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "awin.image" -}}
{{- if .Values.image.digest -}}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest -}}
{{- else -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}
{{- end -}}

{{/* The workloads as JSON: name of each with its role ("": both), replicas and resources. */}}
{{- define "awin.workloads" -}}
{{- if eq .Values.roles "split" -}}
{{- dict "attribute" (merge (dict "role" "attribute") .Values.attribute) "deliver" (merge (dict "role" "deliver") .Values.deliver) | toJson -}}
{{- else -}}
{{- dict "consumer" (merge (dict "role" "") .Values.together) | toJson -}}
{{- end -}}
{{- end -}}

{{/* Refuses values that do not fit together. */}}
{{- define "awin.check" -}}
{{- $values := .Values -}}
{{- $sasl := $values.kafka.sasl -}}
{{- $tls := $values.kafka.tls -}}
{{- if not $values.kafka.bootstrapServers }}{{ fail "kafka.bootstrapServers is needed: host:port of the brokers, comma-separated" }}{{ end -}}
{{- if not $values.config.programmes }}{{ fail "config.programmes is needed: at least one {advertiser_id: \"…\"}" }}{{ end -}}
{{- if and (ne $values.delivery.mode "shadow") (not $values.delivery.cutOver) }}{{ fail "delivery.cutOver is needed when delivery.mode is not shadow: from when on are orders reported by this consumer?" }}{{ end -}}
{{- if and $sasl.mechanism (not $sasl.existingSecret) }}{{ fail "kafka.sasl.existingSecret is needed: the secret with user name and password" }}{{ end -}}
{{- if and $sasl.existingSecret (not $sasl.mechanism) }}{{ fail "kafka.sasl.mechanism is needed beside kafka.sasl.existingSecret" }}{{ end -}}
{{- if and $tls.existingSecret (not $tls.enabled) }}{{ fail "kafka.tls.enabled is needed beside kafka.tls.existingSecret" }}{{ end -}}
{{- if and $tls.certificateKey (not $tls.privateKeyKey) }}{{ fail "kafka.tls.privateKeyKey is needed beside kafka.tls.certificateKey" }}{{ end -}}
{{- if and $tls.privateKeyKey (not $tls.certificateKey) }}{{ fail "kafka.tls.certificateKey is needed beside kafka.tls.privateKeyKey" }}{{ end -}}
{{- if and $tls.certificateKey (not $tls.existingSecret) }}{{ fail "kafka.tls.existingSecret is needed: the secret with the certificate" }}{{ end -}}
{{- if $values.keda.enabled -}}
{{- if lt (int64 $values.keda.maxReplicas) (int64 $values.keda.minReplicas) }}{{ fail "keda.maxReplicas is less than keda.minReplicas" }}{{ end -}}
{{- if and (or $sasl.mechanism $tls.enabled) (not $values.keda.authenticationRef) }}{{ fail "keda.authenticationRef is needed: KEDA asks the brokers too, so it must know how to log in" }}{{ end -}}
{{- end -}}
{{- range list "instance" "state.directory" "ops.host" "ops.port" "delivery.mode" "delivery.cut_over" "kafka.bootstrap_servers" -}}
{{- $parts := splitList "." . -}}
{{- $section := $values.config -}}
{{- if gt (len $parts) 1 -}}{{- $section = default dict (get $section (first $parts)) -}}{{- end -}}
{{- if hasKey $section (last $parts) }}{{ fail (printf "config.%s is set by the chart: use its own value" .) }}{{ end -}}
{{- end -}}
{{- $drain := default "5s" (default dict $values.config.delivery).drain_budget | toString -}}
{{- $unit := dict "ms" 0.001 "s" 1.0 "m" 60.0 "h" 3600.0 "d" 86400.0 -}}
{{- if regexMatch "^[0-9]+(\\.[0-9]+)? *(ms|s|m|h|d)$" $drain -}}
{{- $seconds := mulf (regexFind "^[0-9.]+" $drain | float64) (get $unit (regexFind "[a-z]+$" $drain)) -}}
{{- if le (float64 $values.terminationGracePeriodSeconds) (addf $seconds 8) }}{{ fail (printf "terminationGracePeriodSeconds (%d) must be more than config.delivery.drain_budget (%s) and 8 s for the last commit" (int64 $values.terminationGracePeriodSeconds) $drain) }}{{ end -}}
{{- end -}}
{{- end -}}

{{/* What the program must tell librdkafka, as JSON: properties, and files that hold some. */}}
{{- define "awin.kafkaProperties" -}}
{{- $properties := dict -}}
{{- $files := dict -}}
{{- $sasl := .Values.kafka.sasl -}}
{{- $tls := .Values.kafka.tls -}}
{{- if or $sasl.mechanism $tls.enabled -}}
{{- $_ := set $properties "security.protocol" (ternary (ternary "SASL_SSL" "SASL_PLAINTEXT" $tls.enabled) "SSL" (ne $sasl.mechanism "")) -}}
{{- end -}}
{{- if $sasl.mechanism -}}
{{- $_ := set $properties "sasl.mechanism" $sasl.mechanism -}}
{{- $_ := set $files "sasl.username" "/etc/awin-s2s/kafka-sasl/username" -}}
{{- $_ := set $files "sasl.password" "/etc/awin-s2s/kafka-sasl/password" -}}
{{- end -}}
{{- if $tls.existingSecret -}}
{{- $_ := set $properties "ssl.ca.location" "/etc/awin-s2s/kafka-tls/ca.crt" -}}
{{- if $tls.certificateKey -}}
{{- $_ := set $properties "ssl.certificate.location" "/etc/awin-s2s/kafka-tls/tls.crt" -}}
{{- $_ := set $properties "ssl.key.location" "/etc/awin-s2s/kafka-tls/tls.key" -}}
{{- end -}}
{{- end -}}
{{- dict "properties" $properties "property_files" $files | toJson -}}
{{- end -}}

{{/* What the program reads: the settings given, and those that are the chart's. */}}
{{- define "awin.config" -}}
{{- include "awin.check" . -}}
{{- $values := .Values -}}
{{- $config := deepCopy $values.config -}}
{{- $kafka := default dict $config.kafka -}}
{{- $_ := set $kafka "bootstrap_servers" $values.kafka.bootstrapServers -}}
{{- range $section, $ours := include "awin.kafkaProperties" . | fromJson -}}
{{- range $name, $_ := $ours -}}
{{- if or (hasKey (default dict $kafka.properties) $name) (hasKey (default dict $kafka.property_files) $name) }}{{ fail (printf "config.kafka.%s: %s is set by the chart: use its own value" $section $name) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- range $section, $ours := include "awin.kafkaProperties" . | fromJson -}}
{{- with merge $ours (default dict (get $kafka $section)) }}{{ $_ := set $kafka $section . }}{{ end -}}
{{- end -}}
{{- $_ := set $config "kafka" $kafka -}}
{{- $delivery := default dict $config.delivery -}}
{{- $_ := set $delivery "mode" $values.delivery.mode -}}
{{- if $values.delivery.cutOver }}{{ $_ := set $delivery "cut_over" $values.delivery.cutOver }}{{ end -}}
{{- $_ := set $config "delivery" $delivery -}}
{{- $_ := set $config "state" (merge (dict "directory" "/var/lib/awin-s2s") (default dict $config.state)) -}}
{{- $ops := dict "host" "0.0.0.0" "port" $values.ops.port -}}
{{- if $values.ops.tls.existingSecret -}}
{{- $_ := set $ops "certificate_file" "/etc/awin-s2s/ops-tls/tls.crt" -}}
{{- $_ := set $ops "key_file" "/etc/awin-s2s/ops-tls/tls.key" -}}
{{- end -}}
{{- if $values.ops.basicAuth.existingSecret -}}
{{- if not $values.ops.tls.existingSecret }}{{ fail "ops.basicAuth.existingSecret needs ops.tls.existingSecret: a password goes over TLS only" }}{{ end -}}
{{- $_ := set $ops "username_file" "/etc/awin-s2s/ops-user/username" -}}
{{- $_ := set $ops "password_file" "/etc/awin-s2s/ops-user/password" -}}
{{- end -}}
{{- $_ := set $config "ops" (merge $ops (default dict $config.ops)) -}}
{{- range $programme := $config.programmes -}}
{{- if and (eq (default "sread" $programme.method) "conversion_api") (not $programme.api_key_file) -}}
{{- if not $values.awinKeys.existingSecret }}{{ fail (printf "awinKeys.existingSecret is needed: programme %s reports by the Conversion API" $programme.advertiser_id) }}{{ end -}}
{{- $_ := set $programme "api_key_file" (printf "/etc/awin-s2s/keys/%s" $programme.advertiser_id) -}}
{{- end -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}

{{- define "awin.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{- define "awin.securityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* Volumes of what the program reads. Called with the name of the config map. */}}
{{- define "awin.volumes" -}}
{{- $values := .root.Values -}}
- name: config
  configMap:
    name: {{ .configMap | quote }}
- name: tmp
  emptyDir:
    sizeLimit: 64Mi
{{- with $values.awinKeys.existingSecret }}
- name: keys
  secret:
    secretName: {{ . | quote }}
    defaultMode: 0440
{{- end }}
{{- if $values.kafka.sasl.mechanism }}
- name: kafka-sasl
  secret:
    secretName: {{ $values.kafka.sasl.existingSecret | quote }}
    defaultMode: 0440
    items:
      - key: {{ $values.kafka.sasl.usernameKey | quote }}
        path: username
      - key: {{ $values.kafka.sasl.passwordKey | quote }}
        path: password
{{- end }}
{{- if $values.kafka.tls.existingSecret }}
- name: kafka-tls
  secret:
    secretName: {{ $values.kafka.tls.existingSecret | quote }}
    defaultMode: 0440
    items:
      - key: {{ $values.kafka.tls.caKey | quote }}
        path: ca.crt
      {{- if $values.kafka.tls.certificateKey }}
      - key: {{ $values.kafka.tls.certificateKey | quote }}
        path: tls.crt
      - key: {{ $values.kafka.tls.privateKeyKey | quote }}
        path: tls.key
      {{- end }}
{{- end }}
{{- with $values.schemaRegistry.existingSecret }}
- name: schema-registry
  secret:
    secretName: {{ . | quote }}
    defaultMode: 0440
{{- end }}
{{- with $values.ops.tls }}
{{- if .existingSecret }}
- name: ops-tls
  secret:
    secretName: {{ .existingSecret | quote }}
    defaultMode: 0440
    items:
      - key: {{ .certificateKey | quote }}
        path: tls.crt
      - key: {{ .privateKeyKey | quote }}
        path: tls.key
{{- end }}
{{- end }}
{{- with $values.ops.basicAuth }}
{{- if .existingSecret }}
- name: ops-user
  secret:
    secretName: {{ .existingSecret | quote }}
    defaultMode: 0440
    items:
      - key: {{ .usernameKey | quote }}
        path: username
      - key: {{ .passwordKey | quote }}
        path: password
{{- end }}
{{- end }}
{{- with $values.extraVolumes }}
{{ tpl (toYaml .) $.root }}
{{- end }}
{{- end -}}

{{- define "awin.volumeMounts" -}}
{{- $values := .Values -}}
- name: config
  mountPath: /etc/awin-s2s/config
  readOnly: true
- name: tmp
  mountPath: /tmp
{{- if $values.awinKeys.existingSecret }}
- name: keys
  mountPath: /etc/awin-s2s/keys
  readOnly: true
{{- end }}
{{- if $values.kafka.sasl.mechanism }}
- name: kafka-sasl
  mountPath: /etc/awin-s2s/kafka-sasl
  readOnly: true
{{- end }}
{{- if $values.kafka.tls.existingSecret }}
- name: kafka-tls
  mountPath: /etc/awin-s2s/kafka-tls
  readOnly: true
{{- end }}
{{- if $values.schemaRegistry.existingSecret }}
- name: schema-registry
  mountPath: /etc/awin-s2s/registry
  readOnly: true
{{- end }}
{{- if $values.ops.tls.existingSecret }}
- name: ops-tls
  mountPath: /etc/awin-s2s/ops-tls
  readOnly: true
{{- end }}
{{- if $values.ops.basicAuth.existingSecret }}
- name: ops-user
  mountPath: /etc/awin-s2s/ops-user
  readOnly: true
{{- end }}
{{- with $values.extraVolumeMounts }}
{{ tpl (toYaml .) $ }}
{{- end }}
{{- end -}}
