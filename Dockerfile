# Three images: belfry (the program, alone), grafana (a Grafana with Belfry's data
# source and dashboards), and what builds them. `docker build --target belfry .`

FROM golang:1.26-bookworm AS go
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN CGO_ENABLED=0 go build -trimpath -ldflags=-s -o /out/belfry ./cmd/belfry && mkdir /out/data
RUN cd grafana-plugin && go mod download

# The plugin as `make plugin` packs it: the same program, checked, with the licences of
# all that is in it.
FROM node:22-bookworm-slim AS node
COPY --from=go /usr/local/go /usr/local/go
COPY --from=go /go/pkg/mod /go/pkg/mod
ENV GOPATH=/go PATH=/usr/local/go/bin:$PATH
WORKDIR /src/grafana-plugin
COPY grafana-plugin/package.json grafana-plugin/package-lock.json ./
RUN npm ci
COPY LICENSE NOTICE ../
COPY grafana-plugin ./
RUN npm run package -- --platforms "linux/$(go env GOARCH)"

FROM scratch AS belfry
COPY --from=go /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=go /usr/share/zoneinfo /usr/share/zoneinfo
COPY --from=go /out/belfry /belfry
COPY LICENSE NOTICE /
COPY --from=go --chown=65532:65532 /out/data /data
USER 65532:65532
WORKDIR /data
VOLUME /data
EXPOSE 9400
ENTRYPOINT ["/belfry"]
CMD ["serve"]

FROM grafana/grafana:12.3.0 AS grafana
COPY --from=node /src/grafana-plugin/dist /opt/belfry/plugins/belfry-cityops-datasource
COPY LICENSE NOTICE /opt/belfry/
COPY dashboards/provisioning /etc/grafana/provisioning
COPY dashboards/en /etc/belfry/dashboards/en
COPY dashboards/zh-CN /etc/belfry/dashboards/zh-CN
ENV GF_PATHS_PLUGINS=/opt/belfry/plugins \
    GF_PLUGINS_ALLOW_LOADING_UNSIGNED_PLUGINS=belfry-cityops-datasource \
    GF_PLUGINS_PREINSTALL_DISABLED=true \
    GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH=/etc/belfry/dashboards/en/wall.json \
    GF_LOG_MODE=console
USER 472
