# The image has the connector in a virtual environment, no compiler, no pip cache and no state: it runs with a
# read-only root file system, as a user without a name. Configuration comes from the environment or a mounted file:
#
#   docker build -t pushwoosh-connector --build-arg VERSION="$(pushwoosh-connector --version)" \
#     --build-arg REVISION="$(git rev-parse HEAD)" .
#   docker run --read-only -p 8080:8080 -e CONNECTOR_KAFKA_BOOTSTRAP_SERVERS=... pushwoosh-connector
#   docker run --rm pushwoosh-connector check
# A tag moves: pin the base by its digest where the image is released. deploy/SUPPLY_CHAIN.md, "The base image".
ARG BASE_IMAGE=python:3.13-slim

FROM ${BASE_IMAGE} AS build
WORKDIR /src
ENV PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1
COPY deploy/image deploy/image
# Pinned with hashes, extras included: deploy/SUPPLY_CHAIN.md.
RUN python -m venv /opt/build \
    && /opt/build/bin/python -m pip install --require-hashes --only-binary :all: -r deploy/image/requirements-build.txt \
    && python -m venv /opt/connector \
    && /opt/connector/bin/python -m pip install --require-hashes --only-binary :all: -r deploy/image/requirements.txt
COPY pyproject.toml README.md LICENSE ./
COPY connector connector
RUN /opt/build/bin/python -m pip wheel --no-deps --no-build-isolation --wheel-dir /opt/wheel . \
    && /opt/connector/bin/python -m pip install --no-deps --no-index /opt/wheel/*.whl \
    && /opt/connector/bin/python -m pip uninstall --yes setuptools pip

FROM ${BASE_IMAGE}
ARG BASE_IMAGE
ARG VERSION=""
ARG REVISION=""
# Address of the repository and of its documentation, where yours is.
ARG SOURCE=""
LABEL org.opencontainers.image.title="pushwoosh-connector" \
      org.opencontainers.image.description="Kafka to Pushwoosh: confirmed per device, committed only then" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}" \
      org.opencontainers.image.base.name="${BASE_IMAGE}" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/connector /opt/connector
ENV PATH=/opt/connector/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /
EXPOSE 8080
STOPSIGNAL SIGTERM
ENTRYPOINT ["pushwoosh-connector"]
CMD ["run"]
