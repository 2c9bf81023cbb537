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
FROM scratch AS folder
COPY --from=build /made/buildkit-drain /opt/buildkit-drain
USER 65532:65532
ENTRYPOINT ["/opt/buildkit-drain/buildkit-drain", "install"]

# buildkitd's own images, with the folder for a hook. The user stays as it is there.
FROM ${BUILDKIT_IMAGE} AS buildkit
COPY --from=build /made/buildkit-drain /opt/buildkit-drain

FROM ${BUILDKIT_ROOTLESS_IMAGE} AS buildkit-rootless
COPY --from=build /made/buildkit-drain /opt/buildkit-drain

# The wait over HTTP, in a container beside buildkitd's.
FROM scratch AS sidecar
COPY --from=build /made/buildkit-drain /opt/buildkit-drain
USER 65532:65532
EXPOSE 9234
HEALTHCHECK --interval=10s --timeout=3s CMD ["/opt/buildkit-drain/node", "-e", "const at = (process.env.BUILDKIT_DRAIN_LISTEN || ':9234').replace(/^:/, '127.0.0.1:'); fetch('http://' + at + '/healthz').then(({ ok }) => process.exit(ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["/opt/buildkit-drain/buildkit-drain"]
CMD ["serve"]
