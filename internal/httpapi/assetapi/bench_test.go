package assetapi

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/notifier"
	"github.com/stretchr/testify/require"
)

// BenchmarkAssets is what answers take with 100,000 assets, three series of each, and
// 50,000 open hazards.
func BenchmarkAssets(b *testing.B) {
	const assets, hazards = 100_000, 50_000
	for name, catalogued := range map[string]int{"catalog": assets, "series": 0} {
		b.Run(name, func(b *testing.B) {
			var c strings.Builder
			c.WriteString("id,domain,name,name_zh,district,street,team\n")
			for i := range catalogued {
				fmt.Fprintf(&c, "W%06d,gas,Gas well %d,解放碑街道民生路%d号井,Yuzhong,street-%d,sanitation\n", i, i, i, i%40)
			}
			s := begin(b, c.String())
			now := time.Now()
			for ago := 50 * time.Minute; ago >= 0; ago -= 10 * time.Minute {
				app := s.store.Appender(b.Context())
				for i := range assets {
					for _, metric := range []string{"gas_ch4_lel_percent", "gas_h2s_ppm", "gas_o2_percent"} {
						_, err := app.Append(0, labels.FromStrings("__name__", metric, "asset", fmt.Sprintf("W%06d", i)), now.Add(-ago).UnixMilli(), float64(i))
						require.NoError(b, err)
					}
				}
				require.NoError(b, app.Commit())
			}
			for i := 0; i < hazards; i += 1000 {
				var alerts []*notifier.Alert
				for j := range 1000 {
					alerts = append(alerts, &notifier.Alert{StartsAt: now, Labels: labels.FromStrings("alertname", "Gas", "asset", fmt.Sprintf("W%06d", i+j), "severity", []string{"critical", "warning"}[j%2])})
				}
				s.hazards.Before(nobody{}).Send(alerts...)
				s.settle(b)
			}
			ask := func(b *testing.B, query string) {
				resp, err := http.Get(s.URL + "/api/belfry/v1/assets" + query)
				require.NoError(b, err)
				_, err = io.Copy(io.Discard, resp.Body)
				require.NoError(b, err)
				require.NoError(b, resp.Body.Close())
				require.Equal(b, 200, resp.StatusCode)
			}
			began := time.Now()
			ask(b, "?limit=1")
			b.Logf("the first answer takes %s", time.Since(began).Round(time.Millisecond))
			began = time.Now()
			s.handler.now.byID = nil
			ask(b, "?limit=1")
			b.Logf("the first after a hazard %s", time.Since(began).Round(time.Millisecond))
			s.handler.known.looked = time.Time{}
			began = time.Now()
			ask(b, "?limit=1")
			b.Logf("the first that looks for new assets %s", time.Since(began).Round(time.Millisecond))
			for name, query := range map[string]string{
				"page": "?limit=1000", "values": "?limit=1000&metric=*", "search": "?q=jfbjd&limit=100", "one": "/W050000",
				"past": "?limit=100&at=" + fmt.Sprint(now.Add(-time.Minute).Unix()),
			} {
				b.Run(name, func(b *testing.B) {
					for b.Loop() {
						ask(b, query)
					}
				})
			}
		})
	}
}
