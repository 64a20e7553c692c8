# syntax=docker/dockerfile:1
FROM rust:1.95-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends build-essential cmake && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --release --locked && cp target/release/evo /usr/local/bin/evo

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/* \
    && useradd --system --no-create-home evo
COPY --from=build /usr/local/bin/evo /usr/local/bin/evo
USER evo
WORKDIR /tmp
# Exec form: SIGTERM reaches evo itself.
ENTRYPOINT ["evo"]
CMD ["--help"]
