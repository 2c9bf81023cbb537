# The images of buildkit-drain: docs/images.md says what each is for, and how to build and pin them.
#   docker buildx build --platform linux/amd64,linux/arm64 --target folder .
# Every base image has an exact tag; to pin one for good, add @sha256:… to its argument.
ARG NODE_IMAGE=docker.io/library/node:24.21.0-bookworm-slim
ARG BUILDKIT_VERSION=v0.27.0
ARG BUILDKIT_IMAGE=docker.io/moby/buildkit:${BUILDKIT_VERSION}
ARG BUILDKIT_ROOTLESS_IMAGE=docker.io/moby/buildkit:${BUILDKIT_VERSION}-rootless

# Runs on the builder's own CPU, and makes the folder for that of the image.
FROM --platform=${BUILDPLATFORM} ${NODE_IMAGE} AS build
WORKDIR /src
COPY . .
ARG TARGETARCH
RUN npm run bundle -- --cpu "${TARGETARCH}" --out /made

# The folder alone, for an init container: with the argument /target it is copied there.
FROM scratch AS folder
COPY --from=build /made/buildkit-drain /opt/buildkit-drain
USER 65532:65532
ENTRYPOINT ["/opt/buildkit-drain/buildkit-drain", "install"]

# buildkitd as it is, with the hook beside it.
FROM ${BUILDKIT_IMAGE} AS buildkit
COPY --from=build /made/buildkit-drain /opt/buildkit-drain

FROM ${BUILDKIT_ROOTLESS_IMAGE} AS buildkit-rootless
COPY --from=build --chown=0:0 /made/buildkit-drain /opt/buildkit-drain

# Waits over HTTP, in a container of its own.
FROM scratch AS sidecar
COPY --from=build /made/buildkit-drain /opt/buildkit-drain
USER 65532:65532
EXPOSE 9234
HEALTHCHECK --interval=10s --timeout=3s CMD ["/opt/buildkit-drain/node", "/opt/buildkit-drain/healthcheck.cjs"]
ENTRYPOINT ["/opt/buildkit-drain/buildkit-drain"]
CMD ["serve"]
