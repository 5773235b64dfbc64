# A small image that runs as nobody, with nothing in it but the program, glibc and the CA certificates.
#
#   docker build -t registry.example.com/afluente:0.1.0 .
#   docker run --rm --init --read-only --cap-drop ALL -e ACME_PLOOMES_KEY \
#     -v "$PWD/afluente.toml:/etc/afluente/afluente.toml:ro" registry.example.com/afluente:0.1.0 check
#
# glibc, not musl: the memory budget of `--memory` is kept with glibc's allocator, and musl's is slow with many threads. Both stages are Debian 12,
# because a binary needs at least the glibc that it was linked with.
ARG RUST=1.95

FROM rust:${RUST}-slim-bookworm AS build
WORKDIR /build
# The dependencies (zstd and ring bring C; the image has a compiler) are a layer of their own: it stays until Cargo.lock changes. Cargo wants to see
# every target that Cargo.toml names, so empty ones stand in.
COPY Cargo.toml Cargo.lock ./
RUN mkdir -p src benches && touch src/lib.rs \
    && for file in src/main.rs src/build.rs benches/decode.rs; do echo 'fn main() {}' > "$file"; done \
    && cargo build --release --locked --bin afluente
COPY schemas schemas
COPY src src
# Copied files may be older than the stand-ins, and Cargo compares times.
RUN touch src/lib.rs src/main.rs src/build.rs \
    && cargo build --release --locked --bin afluente

FROM gcr.io/distroless/cc-debian12:nonroot
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="afluente" \
      org.opencontainers.image.description="Exports Brazilian CRM APIs into a Parquet data lake" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=build /build/target/release/afluente /usr/local/bin/afluente
# By number, so that Kubernetes can see that it is not root.
USER 65532:65532
# `./afluente.toml` is read from here. Nothing is ever written here: the lake is a bucket or a volume.
WORKDIR /etc/afluente
ENTRYPOINT ["afluente"]
