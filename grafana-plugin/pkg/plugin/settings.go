package plugin

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/grafana/grafana-plugin-sdk-go/backend"
	"github.com/grafana/grafana-plugin-sdk-go/backend/gtime"
	"github.com/grafana/grafana-plugin-sdk-go/backend/instancemgmt"

	"github.com/belfry-city/belfry/grafana-plugin/pkg/client"
	"github.com/belfry-city/belfry/grafana-plugin/pkg/live"
	"github.com/belfry-city/belfry/grafana-plugin/pkg/query"
	"github.com/belfry-city/belfry/grafana-plugin/pkg/wording"
)

// settings are those of jsonData that are this plugin's own; TLS, proxies and
// headers are the SDK's, which is also silent about a timeout that is none.
type settings struct {
	TimeInterval string  `json:"timeInterval"` // how often series have samples
	Language     string  `json:"language"`     // of messages: en, zh-CN, or auto
	Timeout      float64 `json:"timeout"`      // in seconds; 0: the SDK's own
}

const (
	// tokenKey is where the token is in secureJsonData.
	tokenKey = "token"
	// longestTimeout is far above what any proxy waits.
	longestTimeout = 24 * 60 * 60
	acceptLanguage = "Accept-Language"
)

// source is one data source of Grafana's. It is safe for concurrent use.
type source struct {
	client   *client.Client
	runner   *query.Runner
	channels *live.Channels
	lang     wording.Lang
	auto     bool  // lang is only for those whose language is not known
	broken   error // what is wrong with the settings; nothing else is used then
}

// newSource makes one from its settings. Settings that are wrong make one that
// says so to whoever asks, as Grafana shows no error from here.
func newSource(ctx context.Context, s backend.DataSourceInstanceSettings) (instancemgmt.Instance, error) {
	own, err := readSettings(s)
	src := &source{lang: wording.Of(own.Language), auto: own.Language == "" || own.Language == "auto", broken: err}
	if err == nil {
		src.broken = src.connect(ctx, s, own)
	}
	return src, nil
}

func readSettings(s backend.DataSourceInstanceSettings) (own settings, err error) {
	if len(s.JSONData) == 0 {
		return own, nil
	}
	if err := json.Unmarshal(s.JSONData, &own); err != nil {
		return own, wording.WrongJSON(err, wording.Text{EN: "the data source's settings", ZH: "数据源设置"})
	}
	if own.Timeout < 0 || own.Timeout > longestTimeout {
		return own, fault(wording.Text{
			EN: "timeout: want a number of seconds from 1 to %d; got %v", ZH: "超时（timeout）：应为 1 到 %d 秒，实际为 %v",
		}, longestTimeout, own.Timeout)
	}
	return own, nil
}

func (s *source) connect(ctx context.Context, from backend.DataSourceInstanceSettings, own settings) error {
	var scrape time.Duration
	if own.TimeInterval != "" {
		d, err := gtime.ParseIntervalStringToTimeDuration(own.TimeInterval)
		if err != nil || d <= 0 {
			return fault(wording.Text{EN: "scrape interval: want a duration such as 15s; got %q", ZH: "采集间隔：应为 15s 这样的时长，实际为 %q"}, own.TimeInterval)
		}
		scrape = d
	}
	token := from.DecryptedSecureJSONData[tokenKey]
	http, err := connection(ctx, from, own, token)
	if err != nil {
		return err
	}
	s.client, err = client.New(client.Options{URL: from.URL, Token: token, HTTP: http})
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
func (s *source) say(err error) string { return wording.Say(err, s.lang) }

// language is that of the settings, or else the first that a browser accepts.
func (s *source) language(accepted string) wording.Lang {
	if !s.auto || accepted == "" {
		return s.lang
	}
	first, _, _ := strings.Cut(accepted, ",")
	first, _, _ = strings.Cut(first, ";")
	return wording.Of(strings.TrimSpace(first))
}
