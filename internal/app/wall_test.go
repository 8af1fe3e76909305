package app

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestAWallShowsAnAssetFromItsReadingToItsHazard asks a whole Belfry as a wall does.
func TestAWallShowsAnAssetFromItsReadingToItsHazard(t *testing.T) {
	dir := t.TempDir()
	put(t, dir, "rules.yml", hazardRules)
	put(t, dir, "catalog.csv", "id,domain,name,name_zh,street,team\nW17,gas,Well 17,解放碑17号井,Jiefangbei,sanitation\n")
	r := run(t, dir, "rules: [DIR/rules.yml]\ncatalog: [DIR/catalog.csv]\n")
	r.write(t, "gas,asset=W17 ch4_lel_percent=3")

	resp, err := http.Get(r.URL() + "/api/belfry/v1/stream?hazards=false&values=" + url.QueryEscape(`gas_ch4_lel_percent{asset="W17"}`))
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	lines := bufio.NewScanner(resp.Body)
	newest := func() float64 {
		for lines.Scan() {
			text, is := strings.CutPrefix(lines.Text(), "data: ")
			if !is {
				continue
			}
			var data struct{ Values []struct{ Value float64 } }
			require.NoError(t, json.Unmarshal([]byte(text), &data))
			if len(data.Values) > 0 {
				return data.Values[0].Value
			}
		}
		require.NoError(t, lines.Err())
		return 0
	}
	require.InDelta(t, 3, newest(), 0)
	r.write(t, "gas,asset=W17 ch4_lel_percent=62")
	require.InDelta(t, 62, newest(), 0)

	type answer struct {
		Assets []struct {
			Asset, State string
			NameZH       string `json:"name_zh"`
			Values       []struct {
				Value float64
				Unit  string
			}
		}
	}
	var a answer
	require.Eventually(t, func() bool {
		a = answer{}
		status, text := r.do(t, http.MethodGet, "/api/belfry/v1/assets?q=jfb17&state=critical&metric=gas_ch4_lel_percent", "")
		require.Equal(t, 200, status, text)
		require.NoError(t, json.Unmarshal([]byte(text), &a))
		return len(a.Assets) == 1
	}, time.Minute, 10*time.Millisecond)
	require.Equal(t, "解放碑17号井", a.Assets[0].NameZH)
	require.InDelta(t, 62, a.Assets[0].Values[0].Value, 0)
	require.Equal(t, "%LEL", a.Assets[0].Values[0].Unit)

	status, text := r.do(t, http.MethodGet, "/api/belfry/v1/hazards/stats?by=team", "")
	require.Equal(t, 200, status)
	require.Contains(t, text, `"team":"sanitation"`)
	require.Contains(t, text, `"opened":1`)
	status, text = r.do(t, http.MethodGet, "/api/belfry/v1/metrics?name=gas_ch4_lel_percent", "")
	require.Equal(t, 200, status)
	require.Contains(t, text, `"series":1`)
}
