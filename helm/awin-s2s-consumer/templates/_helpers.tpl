{{/* Name of all objects. */}}
{{- define "awin.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "awin.selectorLabels" -}}
app.kubernetes.io/name: {{ default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "awin.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "awin.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- define "awin.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "awin.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
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

{{/* What the program reads: the settings given, and those that are the chart's. */}}
{{- define "awin.config" -}}
{{- $values := .Values -}}
{{- if not $values.kafka.bootstrapServers }}{{ fail "kafka.bootstrapServers is needed: host:port of the brokers, comma-separated" }}{{ end -}}
{{- if not $values.config.programmes }}{{ fail "config.programmes is needed: at least one {advertiser_id: \"…\"}" }}{{ end -}}
{{- if and (ne $values.delivery.mode "shadow") (not $values.delivery.cutOver) }}{{ fail "delivery.cutOver is needed when delivery.mode is not shadow: from when on are orders reported by this consumer?" }}{{ end -}}
{{- $config := deepCopy $values.config -}}
{{- range list "instance" "state.directory" "ops.host" "ops.port" "delivery.mode" "delivery.cut_over" "kafka.bootstrap_servers" -}}
{{- $parts := splitList "." . -}}
{{- $section := $config -}}
{{- if gt (len $parts) 1 -}}{{- $section = default dict (get $config (first $parts)) -}}{{- end -}}
{{- if hasKey $section (last $parts) }}{{ fail (printf "config.%s is set by the chart: use its own value" .) }}{{ end -}}
{{- end -}}
{{- $kafka := default dict $config.kafka -}}
{{- $properties := default dict $kafka.properties -}}
{{- $files := default dict $kafka.property_files -}}
{{- $_ := set $kafka "bootstrap_servers" $values.kafka.bootstrapServers -}}
{{- $sasl := $values.kafka.sasl -}}
{{- $tls := $values.kafka.tls -}}
{{- if or $sasl.mechanism $tls.enabled -}}
{{- $_ := set $properties "security.protocol" (ternary (ternary "SASL_SSL" "SASL_PLAINTEXT" $tls.enabled) "SSL" (ne $sasl.mechanism "")) -}}
{{- end -}}
{{- if $sasl.mechanism -}}
{{- if not $sasl.existingSecret }}{{ fail "kafka.sasl.existingSecret is needed: the secret with user name and password" }}{{ end -}}
{{- $_ := set $properties "sasl.mechanism" $sasl.mechanism -}}
{{- $_ := set $files "sasl.username" "/etc/awin-s2s/kafka-sasl/username" -}}
{{- $_ := set $files "sasl.password" "/etc/awin-s2s/kafka-sasl/password" -}}
{{- end -}}
{{- if and $tls.enabled $tls.existingSecret -}}
{{- $_ := set $properties "ssl.ca.location" "/etc/awin-s2s/kafka-tls/ca.crt" -}}
{{- if $tls.certificateKey -}}
{{- $_ := set $properties "ssl.certificate.location" "/etc/awin-s2s/kafka-tls/tls.crt" -}}
{{- $_ := set $properties "ssl.key.location" "/etc/awin-s2s/kafka-tls/tls.key" -}}
{{- end -}}
{{- end -}}
{{- if $properties }}{{ $_ := set $kafka "properties" $properties }}{{ end -}}
{{- if $files }}{{ $_ := set $kafka "property_files" $files }}{{ end -}}
{{- $_ := set $config "kafka" $kafka -}}
{{- $delivery := default dict $config.delivery -}}
{{- $_ := set $delivery "mode" $values.delivery.mode -}}
{{- if $values.delivery.cutOver }}{{ $_ := set $delivery "cut_over" $values.delivery.cutOver }}{{ end -}}
{{- $_ := set $config "delivery" $delivery -}}
{{- $_ := set $config "state" (merge (dict "directory" "/var/lib/awin-s2s") (default dict $config.state)) -}}
{{- $_ := set $config "ops" (merge (dict "host" "0.0.0.0" "port" $values.ops.port) (default dict $config.ops)) -}}
{{- range $programme := $config.programmes -}}
{{- if and (eq (default "sread" $programme.method) "conversion_api") (not $programme.api_key_file) -}}
{{- if not $values.awinKeys.existingSecret }}{{ fail (printf "awinKeys.existingSecret is needed: programme %v reports by the Conversion API" $programme.advertiser_id) }}{{ end -}}
{{- $_ := set $programme "api_key_file" (printf "/etc/awin-s2s/keys/%v" $programme.advertiser_id) -}}
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
    name: {{ .configMap }}
- name: tmp
  emptyDir:
    sizeLimit: 64Mi
{{- with $values.awinKeys.existingSecret }}
- name: keys
  secret:
    secretName: {{ . }}
    defaultMode: 0440
{{- end }}
{{- if $values.kafka.sasl.mechanism }}
- name: kafka-sasl
  secret:
    secretName: {{ $values.kafka.sasl.existingSecret }}
    defaultMode: 0440
    items:
      - key: {{ $values.kafka.sasl.usernameKey }}
        path: username
      - key: {{ $values.kafka.sasl.passwordKey }}
        path: password
{{- end }}
{{- if and $values.kafka.tls.enabled $values.kafka.tls.existingSecret }}
- name: kafka-tls
  secret:
    secretName: {{ $values.kafka.tls.existingSecret }}
    defaultMode: 0440
    items:
      - key: {{ $values.kafka.tls.caKey }}
        path: ca.crt
      {{- if $values.kafka.tls.certificateKey }}
      - key: {{ $values.kafka.tls.certificateKey }}
        path: tls.crt
      - key: {{ required "kafka.tls.privateKeyKey is needed beside certificateKey" $values.kafka.tls.privateKeyKey }}
        path: tls.key
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
{{- if and $values.kafka.tls.enabled $values.kafka.tls.existingSecret }}
- name: kafka-tls
  mountPath: /etc/awin-s2s/kafka-tls
  readOnly: true
{{- end }}
{{- with $values.extraVolumeMounts }}
{{ tpl (toYaml .) $ }}
{{- end }}
{{- end -}}
