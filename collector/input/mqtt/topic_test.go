package mqtt

import (
	"fmt"
	"strings"
	"testing"

	mochi "github.com/mochi-mqtt/server/v2"
	"github.com/mochi-mqtt/server/v2/packets"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/collector/input"
)

func TestPatternsMatchAsMQTTHasItAndMakeLabels(t *testing.T) {
	for _, c := range []struct{ pattern, topic, want string }{
		{"city/+district/+asset/reading", "city/yuzhong/W17/reading", "district=yuzhong asset=W17"},
		{"city/+district/+asset/reading", "city/yuzhong/W17", "no"},
		{"city/+district/+asset/reading", "city/yuzhong/W17/reading/x", "no"},
		{"city/+district/+asset/reading", "city//W17/reading", "asset=W17"},
		{"city/+/+asset/#", "city/渝中/井-17/up/1", "asset=井-17"},
		{"city/#", "city", ""},
		{"city/#", "city/", ""},
		{"city/#", "citya/b", "no"},
		{"#", "a/b", ""},
		{"#", "$SYS/broker", "no"},
		{"+x/y", "$SYS/y", "no"},
		{"$SYS/#", "$SYS/broker", ""},
		{"+", "/a", "no"},
		{"/+a", "/a", "a=a"},
		{"a/+/c", "a//c", ""},
		{"+/#", "a", ""},
		{"a", "a/", "no"},
	} {
		p, err := ParsePattern(c.pattern)
		require.NoError(t, err, c.pattern)
		require.Equal(t, c.pattern, p.String())
		labels, ok := p.Match(c.topic, nil)
		got := []string{}
		for _, l := range labels {
			got = append(got, l.Name+"="+l.Value)
		}
		if !ok {
			got = []string{"no"}
		}
		require.Equal(t, c.want, strings.Join(got, " "), "%s %s", c.pattern, c.topic)
	}
}

func TestPatternsThatCannotBeMeantAreRefusedInWords(t *testing.T) {
	for pattern, want := range map[string]string{
		"":                       "it is empty",
		"a/#/b":                  "nothing can follow it",
		"a/+b-c":                 "want + and the name of a label",
		"a/+__x":                 "want + and the name of a label",
		"a/b+":                   "at the beginning of a level",
		"a/b#":                   "at the beginning of a level",
		"+a/+a":                  "the label occurs twice",
		"a\x00b":                 "NUL",
		"\xff":                   "not valid UTF-8",
		"$share/g/a":             "key group",
		strings.Repeat("a", 1e5): "longer than 65535 bytes",
	} {
		_, err := ParsePattern(pattern)
		require.ErrorContains(t, err, want)
	}
}

func pattern(t testing.TB, text string) *Pattern {
	t.Helper()
	p, err := ParsePattern(text)
	require.NoError(t, err)
	return p
}

func TestABrokerIsAskedForEachTopicOnce(t *testing.T) {
	for _, c := range []struct{ patterns, want []string }{
		{[]string{"city/+district/+asset/reading", "city/#"}, []string{"city/#"}},
		{[]string{"a/+x", "a/+y", "a/b"}, []string{"a/+"}},
		{[]string{"a/+x/c", "a/b/+y"}, []string{"a/+/c", "a/b/+"}},
		{[]string{"#", "$SYS/#", "a"}, []string{"#", "$SYS/#"}},
		{[]string{"+/a", "$x/a"}, []string{"+/a", "$x/a"}},
		{[]string{"a/#", "a"}, []string{"a/#"}},
		{[]string{"a/+", "a/#"}, []string{"a/#"}},
	} {
		var ts Topics
		for _, p := range c.patterns {
			ts = append(ts, Topic{Pattern: pattern(t, p)})
		}
		require.Equal(t, c.want, ts.Filters())
	}
}

func TestTheFirstPatternThatMatchesCounts(t *testing.T) {
	r := &routes{router: newRouter(Topics{
		{Pattern: pattern(t, "a/+asset"), Decoder: named("first"), Labels: []input.Label{{Name: "site", Value: "s"}}},
		{Pattern: pattern(t, "a/#"), Decoder: named("second")},
	})}
	got := r.find([]byte("a/b"))
	require.Equal(t, named("first"), got.decoder)
	require.Equal(t, []input.Label{{Name: "asset", Value: "b"}, {Name: "site", Value: "s"}}, got.labels)
	require.Same(t, got, r.find([]byte("a/b")))
	require.Equal(t, named("second"), r.find([]byte("a/b/c")).decoder)
	require.Nil(t, r.find([]byte("b")).decoder)

	r.router.topics.Store(&Topics{{Pattern: pattern(t, "b"), Decoder: named("new")}})
	require.Nil(t, r.find([]byte("a/b")).decoder, "a reload is seen by connections that are open")
	require.Equal(t, named("new"), r.find([]byte("b")).decoder)

	for i := range 3 * knownRoutes {
		r.find(fmt.Appendf(nil, "t/%d", i))
	}
	require.LessOrEqual(t, len(r.known), knownRoutes)
}

// FuzzPattern compares with the broker's own index of subscriptions.
func FuzzPattern(f *testing.F) {
	for _, seed := range [][2]string{
		{"city/+district/+asset/reading", "city/yuzhong/W17/reading"}, {"a/#", "a"}, {"#", "$SYS/a"}, {"+/+", "/"}, {"+a/b//#", "a/b/"},
	} {
		f.Add(seed[0], seed[1])
	}
	f.Fuzz(func(t *testing.T, text, topic string) {
		p, err := ParsePattern(text)
		if err != nil || checkText(topic) != nil || strings.ContainsAny(topic, "+#") {
			return
		}
		again, err := ParsePattern(p.Filter())
		require.NoError(t, err)
		require.True(t, p.covers(again) && again.covers(p))
		labels, ok := p.Match(topic, nil)
		require.LessOrEqual(t, len(labels), len(p.Labels()))
		if strings.HasPrefix(strings.ToLower(text), "$") || strings.HasPrefix(topic, "$") {
			return // the index has its own ways with these
		}
		if n := len(p.levels); p.rest && n > 0 && p.levels[n-1].any && strings.Count(topic, "/") == n-1 {
			require.Equal(t, p.covers(pattern(t, topic)), ok)
			return // # matches the level before it too, and the index forgets that behind a +
		}
		index := mochi.NewTopicsIndex()
		index.Subscribe("c", packets.Subscription{Filter: p.Filter()})
		require.Equal(t, len(index.Subscribers(topic).Subscriptions) == 1, ok, "%s %s", p.Filter(), topic)
	})
}
