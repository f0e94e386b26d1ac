{{/* The image, by its digest where there is one. */}}
{{- define "purchasing.image" -}}
{{- if not (or .Values.image.digest .Values.image.tag) -}}
{{- fail "Which image? Set image.digest to its sha256:… (or image.tag, which may be moved to another image)." -}}
{{- end -}}
{{ .Values.image.repository }}{{ with .Values.image.tag }}:{{ . }}{{ end }}{{ with .Values.image.digest }}@{{ . }}{{ end }}
{{- end }}

{{/* What tells one image's migration from another's: a job can't be changed. At most 44 characters. */}}
{{- define "purchasing.version" -}}
{{- $digest := .Values.image.digest | trimPrefix "sha256:" | trunc 12 -}}
{{- $tag := .Values.image.tag | lower | replace "_" "-" | trunc 31 -}}
{{ list $tag $digest | compact | join "-" }}
{{- end }}

{{/* Of every object. */}}
{{- define "purchasing.labels" -}}
app.kubernetes.io/part-of: purchasing
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{/* Members of every pod's specification that may be empty. */}}
{{- define "purchasing.placement" -}}
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
