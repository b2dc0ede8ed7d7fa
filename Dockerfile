# The consumer's image. docs/deployment.md describes it; tools/image.sh has its steps, which tests/packaging runs too.

# Exact versions. Add their digests where a registry can be asked: Renovate does with `pinDigests`.
# renovate: datasource=docker depName=python
ARG PYTHON_IMAGE=python:3.13.9-slim-trixie

# hadolint ignore=DL3006
FROM ${PYTHON_IMAGE} AS builder
WORKDIR /build
COPY tools/image.sh tools/image.sh
COPY requirements/run.txt requirements/build.txt requirements/
RUN sh tools/image.sh environment /opt/awin-s2s && \
    sh tools/image.sh dependencies /opt/awin-s2s
RUN sh tools/image.sh backend /opt/backend
COPY pyproject.toml README.md LICENSE ./
COPY schemas schemas
COPY consumer consumer
RUN PYTHON=/opt/backend/bin/python sh tools/image.sh wheel /opt/wheels && \
    sh tools/image.sh package /opt/awin-s2s /opt/wheels && \
    sh tools/image.sh compile /opt/awin-s2s

# hadolint ignore=DL3006
FROM ${PYTHON_IMAGE}
ARG VERSION=0.0.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
LABEL org.opencontainers.image.title="awin-s2s-consumer" \
      org.opencontainers.image.description="Attributes orders to their last click and reports them to Awin, server to server" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.created="${CREATED}"

# What remains of pip is of no use here. The state folder is the only one that the program may write to.
RUN python -m pip uninstall --yes --quiet --root-user-action=ignore pip && \
    groupadd --system --gid 10001 awin && \
    useradd --system --uid 10001 --gid 10001 --home-dir /var/lib/awin-s2s --no-create-home --shell /usr/sbin/nologin awin && \
    install -d -o 10001 -g 10001 -m 0750 /var/lib/awin-s2s
COPY --from=builder /opt/awin-s2s /opt/awin-s2s

ENV PATH=/opt/awin-s2s/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONFAULTHANDLER=1 \
    AWIN_STATE__DIRECTORY=/var/lib/awin-s2s
USER 10001:10001
WORKDIR /var/lib/awin-s2s
VOLUME ["/var/lib/awin-s2s"]
EXPOSE 9108
STOPSIGNAL SIGTERM
ENTRYPOINT ["awin-consumer"]
CMD ["run"]
