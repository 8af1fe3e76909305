package plugin

import (
	"context"
	"errors"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/backend/datasource"

	"github.com/belfry-city/belfry/grafana-plugin/pkg/query"
)

// ID is the plugin's, as in plugin.json.
const ID = "belfry-cityops-datasource"

// Serve answers Grafana until it ends the process, and returns the exit status.
func Serve() int {
	if err := datasource.Manage(ID, newSource, datasource.ManageOpts{}); err != nil {
		backend.Logger.Error("the plugin ends", "err", err)
		return 1
	}
	return 0
}

// fromAlert is the header by which Grafana says that a rule asks.
const fromAlert = "FromAlert"

// QueryData answers the queries of one panel.
func (s *source) QueryData(ctx context.Context, req *backend.QueryDataRequest) (*backend.QueryDataResponse, error) {
	resp := backend.NewQueryDataResponse()
	if s.broken != nil {
		for _, q := range req.Queries {
			resp.Responses[q.RefID] = backend.DataResponse{Status: backend.StatusBadRequest, ErrorSource: backend.ErrorSourceDownstream, Error: errors.New(s.say(s.broken))}
		}
		return resp, nil
	}
	resp.Responses = s.runner.Run(ctx, query.Request{Queries: req.Queries, Alerting: req.Headers[fromAlert] == "true"})
	return resp, nil
}
