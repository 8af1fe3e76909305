package plugin

import (
	"context"
	"errors"

	"github.com/grafana/grafana-plugin-sdk-go/backend"

	"github.com/belfry-city/belfry/grafana-plugin/pkg/live"
)

// SubscribeStream lets everybody follow who may ask the data source, as Grafana
// has found out before.
func (s *source) SubscribeStream(_ context.Context, req *backend.SubscribeStreamRequest) (*backend.SubscribeStreamResponse, error) {
	if s.broken != nil {
		return nil, errors.New(s.say(s.broken))
	}
	if _, err := s.channels.Find(req.Path, req.Data); err != nil {
		return &backend.SubscribeStreamResponse{Status: backend.SubscribeStreamStatusNotFound}, nil
	}
	return &backend.SubscribeStreamResponse{Status: backend.SubscribeStreamStatusOK}, nil
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
		return err
	}
	stream := live.Stream{Client: s.client, Runner: s.runner, Spec: spec, Lang: spec.Query.Language(s.lang), Sender: sender}
	return stream.Run(ctx)
}
