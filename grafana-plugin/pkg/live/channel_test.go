package live

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/grafana/grafana-plugin-sdk-go/live"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/belfry-city/belfry/grafana-plugin/pkg/query"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEveryChannelHasANameThatFindsItsQuery(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.String(), 0, 20)
		s := Spec{Span: rapid.Int64Min(0).Draw(t, "span"), Query: query.Model{
			RefID: "A", Live: true, Kind: rapid.SampledFrom([]string{query.KindHazards, query.KindAssets, query.KindMetrics}).Draw(t, "kind"),
			Expr: rapid.String().Draw(t, "expr"), Lang: rapid.SampledFrom([]string{"", "en", "zh-CN"}).Draw(t, "lang"),
			Hazards: query.HazardsPart{Status: words.Draw(t, "status"), Q: rapid.String().Draw(t, "q")},
		}}
		c := NewChannels("some-uid")
		name := c.Of(s)
		ch, err := live.ParseChannel(name)
		require.NoError(t, err)
		require.Equal(t, "some-uid", ch.Namespace)
		got, err := c.Find(ch.Path, nil)
		require.NoError(t, err)
		require.Equal(t, name, c.Of(got))
		require.Equal(t, s.Query.Expr, got.Query.Expr)
		text, err := json.Marshal(Spec{Query: got.Query, Span: got.Span})
		require.NoError(t, err)
		_, err = NewChannels("some-uid").Find(ch.Path, text)
		require.NoError(t, err, "another process finds it by what the subscriber sends")
	})
}

func TestNamesAreNotKeptForEver(t *testing.T) {
	c := NewChannels("u")
	s := Spec{Query: query.Model{Kind: query.KindMetrics}}
	for i := range remembered + 100 {
		s.Span = int64(i)
		s.Query.Expr = strings.Repeat("x", 10) + rapid.StringN(300, 300, -1).Example(i)
		require.NotEmpty(t, c.Of(s))
	}
	require.LessOrEqual(t, len(c.known), remembered)
	require.Empty(t, NewChannels(strings.Repeat("u", 150)).Of(s), "a uid that leaves no room")
	require.Empty(t, c.Of(Spec{Query: query.Model{Kind: query.KindEvents}}))
}

func FuzzChannel(f *testing.F) {
	c := NewChannels("u")
	path, err := c.path(Spec{Query: query.Model{Kind: query.KindHazards}})
	require.NoError(f, err)
	f.Add(path, "{}")
	f.Add("hazards/q"+pack([]byte(strings.Repeat("a", specBytes*2))), "")
	f.Add("values/h00", `{"q":{"kind":"metrics","expr":"up"}}`)
	f.Fuzz(func(t *testing.T, path, data string) {
		s, err := c.Find(path, json.RawMessage(data))
		if err == nil {
			own, err := c.path(s)
			require.NoError(t, err)
			require.Equal(t, path, own)
		}
	})
}

func TestUsualQueriesAreInTheirNames(t *testing.T) {
	for _, text := range []string{
		`{"kind":"hazards","lang":"zh-CN","hazards":{"show":"table","status":["open"],"severity":["critical","warning"],"team":["sanitation"],"limit":1000}}`,
		`{"kind":"hazards","lang":"en","hazards":{"show":"open","by":"severity","domain":["gas","drainage"],"street":["Jiefangbei Street"]}}`,
		`{"kind":"assets","lang":"zh-CN","assets":{"show":"map","domain":["bridge"],"metrics":["structure_strain_microstrain"]}}`,
		`{"expr":"sum by (domain) (parking_bay_occupied{street=\"解放碑\"})","range":true,"legendFormat":"{{domain}}"}`,
	} {
		m, err := query.Parse([]byte(text))
		require.NoError(t, err)
		ch, err := live.ParseChannel(NewChannels("P8E80F9AEF21F6940").Of(Spec{Query: m, Span: 21600000}))
		require.NoError(t, err)
		_, err = NewChannels("x").Find(ch.Path, nil)
		require.NoError(t, err, "%s %d", ch.Path, len(ch.Path))
	}
}
