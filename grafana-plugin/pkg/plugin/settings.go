package plugin

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/backend/gtime"
	"github.com/grafana/grafana-plugin-sdk-go/backend/httpclient"
	"github.com/grafana/grafana-plugin-sdk-go/backend/instancemgmt"

	"github.com/belfry-city/belfry/grafana-plugin/pkg/client"
	"github.com/belfry-city/belfry/grafana-plugin/pkg/live"
	"github.com/belfry-city/belfry/grafana-plugin/pkg/query"
	"github.com/belfry-city/belfry/grafana-plugin/pkg/wording"
)

// settings are those of jsonData that are this plugin's own; TLS, timeouts,
// proxies and headers are the SDK's.
type settings struct {
	TimeInterval string `json:"timeInterval"` // how often series have samples
	Language     string `json:"language"`     // of messages: en or zh-CN
}

// tokenKey is where the token is in secureJsonData.
const tokenKey = "token"

// source is one data source of Grafana's. It is safe for concurrent use.
type source struct {
	client   *client.Client
	runner   *query.Runner
	channels *live.Channels
	lang     wording.Lang
	broken   error // what is wrong with the settings; nothing else is used then
}

// newSource makes one from its settings. Settings that are wrong make one that
// says so to whoever asks, as Grafana shows no error from here.
func newSource(ctx context.Context, s backend.DataSourceInstanceSettings) (instancemgmt.Instance, error) {
	own, err := readSettings(s)
	if err != nil {
		return &source{broken: err, lang: wording.Of(own.Language)}, nil
	}
	src := &source{lang: wording.Of(own.Language)}
	src.broken = src.connect(ctx, s, own)
	return src, nil
}

func readSettings(s backend.DataSourceInstanceSettings) (own settings, err error) {
	if len(s.JSONData) == 0 {
		return own, nil
	}
	if err := json.Unmarshal(s.JSONData, &own); err != nil {
		return own, fmt.Errorf("the data source's settings cannot be read: %w", err)
	}
	return own, nil
}

func (s *source) connect(ctx context.Context, from backend.DataSourceInstanceSettings, own settings) error {
	var scrape time.Duration
	if own.TimeInterval != "" {
		d, err := gtime.ParseIntervalStringToTimeDuration(own.TimeInterval)
		if err != nil || d <= 0 {
			return fmt.Errorf("scrape interval: want a duration such as 15s; got %q", own.TimeInterval)
		}
		scrape = d
	}
	options, err := from.HTTPClientOptions(ctx)
	if err != nil {
		return fmt.Errorf("the data source's HTTP settings cannot be read: %w", err)
	}
	http, err := httpclient.New(options)
	if err != nil {
		return fmt.Errorf("the data source's TLS or proxy settings cannot be used: %w", err)
	}
	s.client, err = client.New(client.Options{URL: from.URL, Token: from.DecryptedSecureJSONData[tokenKey], HTTP: http})
	if err != nil {
		return err
	}
	s.channels = live.NewChannels(from.UID)
	s.runner = query.New(query.Options{
		Client: s.client, Scrape: scrape, Lang: s.lang, Source: from.UID,
		Channel: func(m query.Model, span time.Duration) string {
			return s.channels.Of(live.Spec{Query: m, Span: span.Milliseconds()})
		},
	})
	return nil
}

// Dispose ends what the data source holds open.
func (s *source) Dispose() {
	if s.client != nil {
		s.client.Close()
	}
}

// say is an error in the data source's language.
func (s *source) say(err error) string { return say(err, s.lang) }
