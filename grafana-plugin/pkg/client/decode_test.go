package client

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func small() Limits { return Limits{Body: 1 << 20, Series: 20, Points: 200} }

func decode(text string) (*Result, error) { return decodeResult(strings.NewReader(text), small()) }

func TestResultsAreDecodedAsEncodingJSONDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type series struct {
			Metric map[string]string `json:"metric"`
			Values [][2]any          `json:"values"`
		}
		want := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) series {
			s := series{Metric: rapid.MapOf(rapid.String(), rapid.String()).Draw(t, "labels"), Values: [][2]any{}}
			for i, v := range rapid.SliceOfN(rapid.Float64(), 0, 9).Draw(t, "values") {
				s.Values = append(s.Values, [2]any{float64(i) + 0.25, fmt.Sprint(v)})
			}
			return s
		}), 0, 15).Draw(t, "series")
		text, err := json.Marshal(map[string]any{
			"status": "success", "data": map[string]any{"result": want, "resultType": "matrix"}, "warnings": []string{"w"},
		})
		if err != nil {
			t.Fatal(err)
		}
		// resultType comes before result, as Belfry writes it.
		ordered := strings.Replace(string(text), `"data":{`, `"data":{"resultType":"matrix",`, 1)
		got, err := decode(ordered)
		require.NoError(t, err)
		require.Equal(t, []string{"w"}, got.Warnings)
		require.Equal(t, len(want), got.Total)
		require.Len(t, got.Series, len(want))
		for i, s := range got.Series {
			var again series
			one, _ := json.Marshal(want[i])
			require.NoError(t, json.Unmarshal(one, &again))
			require.Equal(t, len(again.Metric), len(s.Labels))
			for name, value := range again.Metric {
				require.Equal(t, value, s.Labels[name])
			}
			require.Len(t, s.Values, len(again.Values))
			for j, pair := range again.Values {
				require.Equal(t, fmt.Sprint(s.Values[j]), pair[1])
				require.Equal(t, int64(j)*1000+250, s.Times[j].UnixMilli())
			}
		}
	})
}

func TestSeriesAndPointsBeyondTheLimitsAreCounted(t *testing.T) {
	var many []string
	for i := range 30 {
		many = append(many, fmt.Sprintf(`{"metric":{"i":"%d"},"value":[1,"%d"]}`, i, i))
	}
	got, err := decode(`{"data":{"resultType":"vector","result":[` + strings.Join(many, ",") + `]}}`)
	require.NoError(t, err)
	require.Equal(t, 30, got.Total)
	require.Len(t, got.Series, 20)
	long := strings.Repeat(`[1,"1"],`, 149) + `[1,"1"]`
	got, err = decode(`{"data":{"resultType":"matrix","result":[{"metric":{},"values":[` + long + `]},{"metric":{},"values":[` + long + `]},{"metric":{},"values":[[1,"1"]]}]}}`)
	require.NoError(t, err)
	require.Equal(t, 3, got.Total)
	require.Len(t, got.Series, 1, "no shorter series after one that did not fit")
}

func TestAllTypesOfResults(t *testing.T) {
	got, err := decode(`{"data":{"resultType":"scalar","result":[1.5,"NaN"]}}`)
	require.NoError(t, err)
	require.True(t, math.IsNaN(got.Series[0].Values[0]))
	require.EqualValues(t, 1500, got.Series[0].Times[0].UnixMilli())
	got, err = decode(`{"data":{"resultType":"string","result":[1,"<b>"]}}`)
	require.NoError(t, err)
	require.Equal(t, "<b>", got.Text)
	got, err = decode(`{"data":{"resultType":"vector","result":[{"metric":{},"histogram":[1,{"count":"3","sum":"6","buckets":[[0,"1","+Inf","3"]]}]}]}}`)
	require.NoError(t, err)
	require.Equal(t, Bucket{1, math.Inf(1), 3}, got.Series[0].Histograms[0].Buckets[0])
	got, err = decode(`{"data":{"resultType":"vector","result":[{"metric":{},"value":[1e300,"1e999"]}]}}`)
	require.NoError(t, err)
	require.Equal(t, math.Inf(1), got.Series[0].Values[0])
	require.EqualValues(t, 0, got.Series[0].Times[0].UnixMilli())
	for _, wrong := range []string{
		``, `null`, `{}`, `{"data":null}`, `{"data":{"result":[]}}`, `{"data":{"resultType":"vector","result":{}}}`, `{"data":{"resultType":"matrix","result":[[]]}}`,
		`{"data":{"resultType":"vector","result":[{"metric":{},"value":[1]}]}}`, `{"data":{"resultType":"vector","result":[{"metric":{},"value":[1,"2",3]}]}}`,
		`{"data":{"resultType":"vector","result":[{"metric":{},"value":[1,2]}]}}`, `{"data":{"resultType":"vector","result":[{"metric":{"a":1},"value":[1,"2"]}]}}`,
		`{"data":{"resultType":"vector","result":[]`, `{"data":{"resultType":"weather","result":[]}}`,
	} {
		_, err := decode(wrong)
		require.Error(t, err, wrong)
	}
}

func FuzzResult(f *testing.F) {
	for _, seed := range []string{
		`{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"up"},"values":[[1,"1"],[2.5,"NaN"]]}]}}`,
		`{"data":{"resultType":"vector","result":[{"metric":{},"value":[1,"1"],"histogram":[1,{"count":"1","buckets":[[0,"1","2","3"]]}]}]},"warnings":["w"]}`,
		`{"data":{"resultType":"scalar","result":[1,"1"]}}`, `{"data":{"resultType":"string","result":[1,"x"]}}`, `{"data":{"resultType":"scalar","resultType":"string","result":[1,"x"]}}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := decode(text)
		if err != nil {
			return
		}
		require.GreaterOrEqual(t, got.Total, len(got.Series))
		points := 0
		for _, s := range got.Series {
			points += s.samples()
			if got.Type != "string" {
				require.LessOrEqual(t, len(s.Values), len(s.Times))
			}
		}
		require.LessOrEqual(t, points, 200)
		require.LessOrEqual(t, len(got.Series), 20)
	})
}

func FuzzLists(f *testing.F) {
	for _, seed := range []string{
		`{"hazards":[{"id":"A","opened":"2026-05-01T08:00:00Z","value":null,"lat":1}],"next":"x","total":3}`, `{"hazards":null}`, `{"hazards":{}}`,
		`{"groups":[{"team":"x","opened":1,"counts":{"open":[1]},"open_by_age":[{"up_to_seconds":null,"count":1}]}],"times":["2026-05-01T08:00:00Z"]}`,
		`{"data":{"type":"call","args":[{"type":"vectorSelector","matchers":[{"name":"a","type":"=","value":"b"}]}],"param":"x"}}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		_, _ = decodePage[Hazard](strings.NewReader(text), "hazards")
		_, _ = decodePage[Asset](strings.NewReader(text), "assets")
		_, _ = decodeStats(strings.NewReader(text), true)
		if tree, err := decodeData[node](strings.NewReader(text)); err == nil {
			tree.walk(func(n *node) { _ = SelectorText(n.Matchers) })
		}
	})
}

func TestURLsOfTheSettings(t *testing.T) {
	for text, want := range map[string]string{
		"http://belfry:9400": "http://belfry:9400", " https://city.example/belfry/ ": "https://city.example/belfry", "http://u:secret@h/": "http://u:xxxxx@h",
	} {
		u, err := parseURL(text)
		require.NoError(t, err)
		require.Equal(t, want, u.Redacted())
	}
	for _, wrong := range []string{"", "belfry:9400", "http://", "http://h?x=1", "http://h#x", "file:///etc/passwd", "http://h\x7f", "://"} {
		_, err := parseURL(wrong)
		require.ErrorContains(t, err, "want one such as http://belfry:9400", wrong)
	}
}

func TestAddressesInMessagesTellNoSecrets(t *testing.T) {
	for address, want := range map[string]string{
		"http://belfry:9400/city": "http://belfry:9400/city", "http://bf_token@belfry": "http://xxxxx@belfry", "http://me:p@ss/w@belfry/x": "http://xxxxx@belfry/x",
		"/login?state=x#y": "/login?…", "http://h#x": "http://h#…", "me:pass@belfry": "xxxxx@belfry", "//me@h/": "//xxxxx@h/", "": "",
	} {
		require.Equal(t, want, public(address))
	}
}
