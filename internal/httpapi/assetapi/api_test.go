package assetapi

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/alerting/hazard"
	"github.com/belfry-city/belfry/collector/catalog"
)

func TestTheWorstAssetsComeFirst(t *testing.T) {
	s := begin(t, city)
	require.Equal(t, []string{"B1 ok", "B2 ok", "W1 ok", "W2 ok", "a/b 1 ok"}, s.ids(t, ""))
	s.raise(t, "Gas", "critical", "W2", "B2")
	s.raise(t, "Level", "warning", "W1", "W2")
	s.raise(t, "Dirty", "info", "a/b 1")
	s.raise(t, "Silent", "page", "B1") // a word of a rule of the city's own
	require.Equal(t, []string{"B2 critical", "W2 critical", "W1 warning", "B1 info", "a/b 1 info"}, s.ids(t, ""))
	_, a := s.get(t, "?asset=W2")
	require.Equal(t, map[string]int32{"critical": 1, "warning": 1, "info": 0}, a.Assets[0].Hazards)
	require.Equal(t, 1, a.Total)
	s.send(t, "Gas", "critical", time.Now(), "W2")
	require.Equal(t, []string{"B2 critical", "W1 warning", "W2 warning", "B1 info", "a/b 1 info"}, s.ids(t, ""))
}

func TestAssetsAreFoundByFilters(t *testing.T) {
	s := begin(t, city)
	s.raise(t, "Gas", "critical", "W2")
	for query, want := range map[string]string{
		"?domain=bridge": "B1 B2", "?domain=bridge,gas&team=municipal": "W2 B1 B2", "?district=Nan'an": "B2", "?street=Chaotianmen": "B1 B2",
		"?community=Minsheng": "W2 W1", "?state=critical": "W2", "?state=!critical": "B1 B2 W1 a/b 1", "?domain=!gas,!parking": "B1 B2",
		"?asset=W1&asset=B2": "B2 W1", "?asset=nobody": "", "?q=WELL": "W2", "?q=井": "W2", "?q=b1": "B1 W1", "?q=jfb": "W2 W1", "?q=JFB2HJ": "W2",
		"?q=dsmdq": "B1", "?q=大桥": "B1 B2", "?q=xyz": "", "?limit=2": "W2 B1",
	} {
		var ids []string
		for _, id := range s.ids(t, "?"+encoded(query[1:])) {
			ids = append(ids, id[:strings.LastIndex(id, " ")])
		}
		require.Equal(t, want, strings.Join(ids, " "), query)
	}
}

func encoded(query string) string {
	values, _ := url.ParseQuery(strings.ReplaceAll(query, "!", "%21"))
	return values.Encode()
}

func TestAssetsArePaged(t *testing.T) {
	s := begin(t, city)
	s.raise(t, "Gas", "critical", "W2", "a/b 1")
	var all []string
	for cursor := ""; ; {
		status, a := s.get(t, "?limit=2&cursor="+cursor)
		require.Equal(t, 200, status)
		require.Equal(t, 5, a.Total)
		for _, one := range a.Assets {
			all = append(all, one.Asset)
		}
		if cursor = a.Next; cursor == "" {
			break
		}
		require.Len(t, a.Assets, 2)
	}
	require.Equal(t, []string{"W2", "a/b 1", "B1", "B2", "W1"}, all)
}

func TestTheNewestValuesOfAssets(t *testing.T) {
	s := begin(t, city)
	now := time.Now().Truncate(time.Second)
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	for i := range 300 { // more than a chunk
		s.write(t, ago(5*time.Minute).Add(time.Duration(i)*time.Second), float64(i), "gas_ch4_lel_percent", "asset", "W1")
	}
	s.write(t, ago(time.Minute), 7, "well_level_m", "asset", "W1", "point", "A")
	s.write(t, ago(time.Minute), 8, "well_level_m", "asset", "W1", "point", "B")
	s.write(t, ago(2*time.Hour), 3, "gas_co_ppm", "asset", "W1")
	s.write(t, ago(time.Minute), 131.5, "structure_strain_microstrain", "asset", "B1")
	s.write(t, now, 1, "asset_info", "asset", "W1")

	_, a := s.get(t, "?asset=W1,B1&metric=gas_ch4_lel_percent,structure_strain_microstrain")
	v, w := 131.5, 299.0
	require.Equal(t, []shownValue{{"structure_strain_microstrain", map[string]string{}, &v, hazard.InstantOf(ago(time.Minute)), "µε"}}, a.Assets[0].Values)
	require.Equal(t, []shownValue{{"gas_ch4_lel_percent", map[string]string{}, &w, hazard.InstantOf(ago(time.Second)), "%LEL"}}, a.Assets[1].Values)
	_, a = s.get(t, "?asset=W1")
	require.Empty(t, a.Assets[0].Values, "nobody asked for them")

	names := func(values []shownValue) (all []string) {
		for _, v := range values {
			all = append(all, fmt.Sprint(v.Metric, v.Labels, *v.Value))
		}
		return all
	}
	_, a = s.get(t, "/W1")
	require.Equal(t, []string{"gas_ch4_lel_percentmap[] 299", "well_level_mmap[point:A] 7", "well_level_mmap[point:B] 8"}, names(a.Values))
	require.Equal(t, []threshold{{"gas_ch4_lel_percent", "above", "critical", 50, "%LEL"}, {"gas_ch4_lel_percent", "above", "warning", 20, "%LEL"}}, a.Thresholds)
	_, a = s.get(t, "/W1?within=3h&metric=gas_co_ppm")
	require.Equal(t, []string{"gas_co_ppmmap[] 3"}, names(a.Values))
	_, a = s.get(t, "/W1?metric=gas_ch4_lel_percent&at="+fmt.Sprint(ago(200*time.Second).Unix()))
	require.Equal(t, []string{"gas_ch4_lel_percentmap[] 100"}, names(a.Values))
	_, a = s.get(t, "/"+url.PathEscape("a/b 1"))
	require.Equal(t, "Bay", a.Name)
}

func TestAssetsThatOnlySeriesKnow(t *testing.T) {
	s := begin(t, city)
	s.handler.known.every = 50 * time.Millisecond
	now := time.Now()
	s.write(t, now, 7, "gas_h2s_ppm", "asset", "W9")
	s.write(t, now, 7, "gas_h2s_ppm", "asset", "W1")
	s.write(t, now, 7, "novel_reading", "asset", "N1")
	s.write(t, now, 7, "novel_reading")
	require.Equal(t, []string{"B1 ok", "B2 ok", "N1 ok", "W1 ok", "W2 ok", "W9 ok", "a/b 1 ok"}, s.ids(t, ""))
	require.Equal(t, []string{"W1 ok", "W2 ok", "W9 ok"}, s.ids(t, "?domain=gas"))
	require.Equal(t, []string{"W9 ok"}, s.ids(t, "?q=w9"))
	s.raise(t, "Gas", "critical", "N1")
	_, a := s.get(t, "?state=critical&metric=*")
	require.Equal(t, "N1", a.Assets[0].Asset)
	require.Nil(t, a.Assets[0].Lat)
	require.Equal(t, "novel_reading", a.Assets[0].Values[0].Metric)

	// A new one is found, and one that the catalog learns of is the catalog's.
	s.write(t, time.Now(), 7, "tunnel_co_ppm", "asset", "T1")
	require.Eventually(t, func() bool { return len(s.ids(t, "?domain=tunnel")) == 1 }, 30*time.Second, 10*time.Millisecond)
	c, err := catalog.Parse("c.csv", []byte("id,domain,name\nT1,road,Tunnel\n"))
	require.NoError(t, err)
	s.catalog.Store(c)
	require.Empty(t, s.ids(t, "?domain=tunnel"))
	require.Equal(t, []string{"T1 ok"}, s.ids(t, "?domain=road"))
}

func TestAssetsOfThePast(t *testing.T) {
	s := begin(t, city)
	before := time.Now().Add(-2 * time.Minute)
	s.raise(t, "Gas", "critical", "W1")
	require.Equal(t, []string{"W1 critical"}, s.ids(t, "?asset=W1"))
	require.Equal(t, []string{"W1 ok"}, s.ids(t, "?asset=W1&at="+before.UTC().Format(time.RFC3339)))
	s.send(t, "Gas", "critical", time.Now(), "W1")
	require.Equal(t, []string{"W1 ok"}, s.ids(t, "?asset=W1"))
	require.Equal(t, []string{"W1 critical"}, s.ids(t, "?asset=W1&at="+fmt.Sprint(before.Add(90*time.Second).Unix())))
}

func TestWhatIsNotUnderstoodIsRefused(t *testing.T) {
	s := begin(t, city)
	for path, want := range map[string]string{
		"?tem=x":         `unknown parameter "tem"; there are asset, at, community, cursor, district, domain, limit, metric, q, state, street, team, within`,
		"?domain=gaz":    `domain: want one of gas, bridge, tunnel, road, drainage, water, lighting, landscape, parking, camera, device (did you mean "gas"?); got "gaz"`,
		"?state=bad":     `state: want one of ok, info, warning, critical; got "bad"`,
		"?cursor=x":      `cursor: want what the page before has as next; got "x"`,
		"?within=25h":    `within: want 1ms to 1d; got "25h"`,
		"/W1?within=25h": `within: want 1ms to 1d; got "25h"`,
		"/W1?domain=gas": `unknown parameter "domain"; there are at, metric, within`,
		"?at=yesterday":  `at: want a time such as 2026-05-01T08:00:00+08:00, or seconds since 1970; got "yesterday"`,
		"?limit=0":       `limit: want a number from 1 to 1000; got "0"`,
		"/W1?metric=" + strings.Repeat("a,", 101): `metric: want at most 100 metrics, or * for all; got 101`,
	} {
		status, a := s.get(t, path)
		require.Equal(t, 400, status, path)
		require.Equal(t, want, a.Error, path)
	}
	status, a := s.get(t, "/W99")
	require.Equal(t, 404, status)
	require.NotEmpty(t, a.Error)
}

func FuzzQuery(f *testing.F) {
	for _, seed := range []string{"", "q=jfb&state=!ok", "cursor=b2sgVzE&limit=5", "metric=*,a&at=1e14&within=1s", "at=-1e15"} {
		f.Add(seed)
	}
	e := &entry{Asset: &catalog.Asset{ID: "W1"}, text: "w1"}
	f.Fuzz(func(t *testing.T, text string) {
		values, err := url.ParseQuery(text)
		if err != nil {
			return
		}
		q, err := readQuery(values)
		if err != nil {
			return
		}
		require.Positive(t, q.within)
		_ = q.matches(e, info) && q.follows(e, info)
		if q.after != nil {
			again := &query{}
			require.NoError(t, again.readCursor(cursorAfter(q.after.state.String(), q.after.id)))
			require.Equal(t, q.after, again.after)
		}
	})
}
