package plugin

import (
	"context"
	"errors"
	"fmt"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/data"

	"github.com/belfry-city/belfry/grafana-plugin/pkg/live"
	"github.com/belfry-city/belfry/grafana-plugin/pkg/query"
	"github.com/belfry-city/belfry/grafana-plugin/pkg/wording"
)

// SubscribeStream lets everybody follow who may ask the data source, as Grafana
// has found out before. Whoever follows a table is given the whole of it: Grafana
// puts what comes with a subscription in the place of the panel's answer, also
// nothing.
func (s *source) SubscribeStream(ctx context.Context, req *backend.SubscribeStreamRequest) (*backend.SubscribeStreamResponse, error) {
	if s.broken != nil {
		return nil, errors.New(s.say(s.broken))
	}
	spec, err := s.channels.Find(req.Path, req.Data)
	if err != nil {
		return &backend.SubscribeStreamResponse{Status: backend.SubscribeStreamStatusNotFound}, nil
	}
	if _, err := s.runner.Watched(ctx, spec.Query); errors.Is(err, query.ErrNoSelectors) {
		return &backend.SubscribeStreamResponse{Status: backend.SubscribeStreamStatusNotFound}, nil
	}
	resp := &backend.SubscribeStreamResponse{Status: backend.SubscribeStreamStatusOK}
	if spec.Query.Kind == query.KindMetrics {
		return resp, nil // its rows are added to the answer
	}
	frame, err := s.runner.Now(ctx, spec.Query, spec.Length())
	if err != nil {
		return nil, errors.New(wording.Say(err, spec.Query.Language(s.lang)))
	}
	if resp.InitialData, err = backend.NewInitialFrame(frame, data.IncludeAll); err != nil {
		return nil, fmt.Errorf("begin a channel: %w", err)
	}
	return resp, nil
}

// PublishStream takes nothing: only Belfry knows what has changed.
func (s *source) PublishStream(context.Context, *backend.PublishStreamRequest) (*backend.PublishStreamResponse, error) {
	return &backend.PublishStreamResponse{Status: backend.PublishStreamStatusPermissionDenied}, nil
}

// RunStream sends what a channel is of until Grafana has nobody left who
// follows it.
func (s *source) RunStream(ctx context.Context, req *backend.RunStreamRequest, sender *backend.StreamSender) error {
	if s.broken != nil {
		return errors.New(s.say(s.broken))
	}
	spec, err := s.channels.Find(req.Path, req.Data)
	if err != nil {
		return errors.New(s.say(err))
	}
	stream := live.Stream{Client: s.client, Runner: s.runner, Spec: spec, Lang: spec.Query.Language(s.lang), Sender: sender}
	return stream.Run(ctx)
}
