package plugin

import (
	"context"
	"encoding/json"
	"errors"
	"net/url"

	"github.com/grafana/grafana-plugin-sdk-go/backend"

	"github.com/belfry-city/belfry/grafana-plugin/pkg/client"
	"github.com/belfry-city/belfry/grafana-plugin/pkg/wording"
)

// CheckHealth says whether Belfry answers, and if not, what is wrong and how to
// mend it.
func (s *source) CheckHealth(ctx context.Context, req *backend.CheckHealthRequest) (*backend.CheckHealthResult, error) {
	lang := s.language(req.GetHTTPHeader(acceptLanguage))
	details, err := health{}, s.broken
	if err == nil {
		details, err = s.check(ctx)
	}
	if err != nil {
		return &backend.CheckHealthResult{Status: backend.HealthStatusError, Message: wording.Say(err, lang)}, nil
	}
	message := wording.Text{EN: "Belfry answers. It knows %d metrics.", ZH: "Belfry 应答正常，共有 %d 个指标。"}.In(lang, details.Metrics)
	text, err := json.Marshal(details)
	if err != nil {
		return nil, err
	}
	return &backend.CheckHealthResult{Status: backend.HealthStatusOk, Message: message, JSONDetails: text}, nil
}

// health is what the details of a good check say.
type health struct {
	URL        string `json:"url"`
	Prometheus string `json:"prometheusApi"`
	Metrics    int    `json:"metrics"`
}

func (s *source) check(ctx context.Context) (health, error) {
	h := health{URL: s.client.URL()}
	version, err := s.client.Version(ctx)
	if err != nil {
		var known *client.Error
		if errors.As(err, &known) && known.Kind == client.NotFound {
			return h, &client.Error{Kind: client.NotBelfry, URL: s.client.URL(), Detail: "404 " + known.Detail}
		}
		return h, err
	}
	h.Prometheus = version
	if _, err := s.client.Hazards(ctx, url.Values{"status": {"open"}}, 1); err != nil {
		return h, s.without(err, wording.Text{
			EN: "A Prometheus answers at this URL, but no Belfry: want the address of Belfry's own listener (listen in its configuration).",
			ZH: "该 URL 处是 Prometheus，不是 Belfry：请填写 Belfry 自己的监听地址（其配置中的 listen）。",
		})
	}
	metrics, err := s.client.Metrics(ctx)
	if err != nil {
		return h, s.without(err, wording.Text{
			EN: "This Belfry is too old for this plugin: it does not have /api/belfry/v1/metrics. Update Belfry.",
			ZH: "该 Belfry 版本过旧，没有 /api/belfry/v1/metrics 接口。请升级 Belfry。",
		})
	}
	h.Metrics = len(metrics)
	return h, nil
}

// without is what a 404 means here; other errors stay.
func (s *source) without(err error, meaning wording.Text) error {
	var known *client.Error
	if errors.As(err, &known) && (known.Kind == client.NotFound || known.Kind == client.NotBelfry) {
		return &wording.Fault{Text: meaning}
	}
	return err
}
