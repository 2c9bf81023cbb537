# The images of buildkit-drain: docs/images.md says what each is for, how to build and how to pin them.
#   docker buildx build --platform linux/amd64,linux/arm64 --target folder .
ARG NODE_IMAGE=docker.io/library/node:24.21.0-bookworm-slim
ARG BUILDKIT_VERSION=v0.27.0
ARG BUILDKIT_IMAGE=docker.io/moby/buildkit:${BUILDKIT_VERSION}
ARG BUILDKIT_ROOTLESS_IMAGE=docker.io/moby/buildkit:${BUILDKIT_VERSION}-rootless

# Runs on the CPU of who builds, and makes the folder for the image's.
FROM --platform=${BUILDPLATFORM} ${NODE_IMAGE} AS build
WORKDIR /src
COPY . .
ARG TARGETARCH
RUN npm run bundle -- --cpu "${TARGETARCH}" --out /made

# The folder alone, for init containers: with the argument /target it is copied there.
# Its licences are those of its LICENSES/LIST.txt; the parts of Node.js have more, named in its node.txt.
FROM scratch AS folder
LABEL org.opencontainers.image.title="buildkit-drain" \
      org.opencontainers.image.description="Copies buildkit-drain, with the Node.js it needs, into a volume. For init containers." \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0 AND MIT AND BSD-3-Clause AND LGPL-2.1-or-later AND GPL-3.0-or-later WITH GCC-exception-3.1"
COPY --from=build /made/buildkit-drain /opt/buildkit-drain
USER 65532:65532
ENTRYPOINT ["/opt/buildkit-drain/buildkit-drain", "install"]

# buildkitd's own images, with the folder for a hook. The user stays as it is there, as do other labels.
FROM ${BUILDKIT_IMAGE} AS buildkit
ARG BUILDKIT_IMAGE
LABEL org.opencontainers.image.title="buildkitd with buildkit-drain" \
      org.opencontainers.image.description="buildkitd, and buildkit-drain for its preStop hook." \
      org.opencontainers.image.base.name="${BUILDKIT_IMAGE}"
COPY --from=build /made/buildkit-drain /opt/buildkit-drain

FROM ${BUILDKIT_ROOTLESS_IMAGE} AS buildkit-rootless
ARG BUILDKIT_ROOTLESS_IMAGE
LABEL org.opencontainers.image.title="rootless buildkitd with buildkit-drain" \
      org.opencontainers.image.description="Rootless buildkitd, and buildkit-drain for its preStop hook." \
      org.opencontainers.image.base.name="${BUILDKIT_ROOTLESS_IMAGE}"
COPY --from=build /made/buildkit-drain /opt/buildkit-drain

# The wait over HTTP, in a container beside buildkitd's.
FROM scratch AS sidecar
LABEL org.opencontainers.image.title="buildkit-drain sidecar" \
      org.opencontainers.image.description="Serves the wait of buildkit-drain, and metrics, over HTTP in a container beside buildkitd." \
      org.opencontainers.image.version="0.1.0" \
      org.opencontainers.image.licenses="Apache-2.0 AND MIT AND BSD-3-Clause AND LGPL-2.1-or-later AND GPL-3.0-or-later WITH GCC-exception-3.1"
COPY --from=build /made/buildkit-drain /opt/buildkit-drain
USER 65532:65532
EXPOSE 9234
HEALTHCHECK --interval=10s --timeout=3s CMD ["/opt/buildkit-drain/node", "-e", "const at = (process.env.BUILDKIT_DRAIN_LISTEN || ':9234').replace(/^:/, '127.0.0.1:'); fetch('http://' + at + '/healthz').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["/opt/buildkit-drain/buildkit-drain"]
CMD ["serve"]
