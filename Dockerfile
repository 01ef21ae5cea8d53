# Runtime, workers and readers of Snakepit in one image; docs/deployment.md says how they run.
# BASE is Debian 12 or later in both stages.
ARG BASE=debian:bookworm-slim

FROM ${BASE} AS build
ENV DEBIAN_FRONTEND=noninteractive
# What building needs, by the list that everybody installs from; no test tools.
WORKDIR /src
COPY tools/install-deps tools/
RUN apt-get update -q \
    && apt-get install -y -q --no-install-recommends \
        $(tools/install-deps --list) protobuf-compiler-grpc python3 \
    && rm -rf /var/lib/apt/lists/*
COPY . .
RUN make DEPS=: -j"$(nproc)" bins proto-python \
    && make DEPS=: DESTDIR=/out PREFIX=/usr install-bin install-python install-share \
    && strip --strip-unneeded /out/usr/bin/* /out/usr/lib/snakepit/*.so \
    && rm -rf /out/usr/share/doc

FROM ${BASE}
# The libraries that the programs were linked with, and Debian's own grpcio for workers: it
# shares gRPC with the runtime.
RUN apt-get update -q \
    && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends \
        ca-certificates python3 python3-grpcio python3-typing-extensions \
        libgrpc29 libprotobuf-c1 libjansson4 libcyaml1 liburcu8 \
        libmicrohttpd12 libcurl4 libncursesw6 \
    && rm -rf /var/lib/apt/lists/* /var/cache/debconf/* /var/log/* \
    && groupadd --system --gid 10001 snakepit \
    && useradd --system --uid 10001 --gid 10001 --home-dir /var/lib/snakepit --create-home \
        --shell /usr/sbin/nologin snakepit \
    && install -d -o snakepit -g snakepit -m 0750 /run/snakepit
COPY --from=build /out/ /
USER 10001:10001
WORKDIR /var/lib/snakepit
ENV SNAKEPIT_DIR=/run/snakepit PYTHONUNBUFFERED=1
EXPOSE 9568
CMD ["snakepitd", "-c", "/etc/snakepit/snakepit.yaml"]
