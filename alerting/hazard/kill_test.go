package hazard_test

import (
	"bufio"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/VictoriaMetrics/metrics"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/notifier"
	"github.com/sourcegraph/conc"
	"github.com/stretchr/testify/require"

	"github.com/belfry-city/belfry/alerting/hazard"
)

const raiserVariable = "BELFRY_TEST_HAZARD_RAISER"

func raiserDir() string { return os.Getenv(raiserVariable) }

// printed says on stdout which alerts go on, once the disk has them.
type printed struct{ set *metrics.Set }

func (p printed) Send(alerts ...*notifier.Alert) {
	if p.set.GetOrCreateCounter("belfry_hazard_pages_before_disk_total").Get() > 0 {
		return // on a slow machine pages overtake the disk, and nothing is promised of them
	}
	for _, a := range alerts {
		_, _ = os.Stdout.WriteString(a.Annotations.Get("hazard") + " " + a.Labels.Get("asset") + "\n")
	}
}

// raiseUntilKilled raises alerts, as several rules do.
func raiseUntilKilled(dir string) {
	set := metrics.NewSet()
	s, err := hazard.Open(hazard.Options{Dir: dir, Reopen: time.Hour, Logger: slog.New(slog.DiscardHandler), Metrics: set})
	if err != nil {
		panic(err)
	}
	sender := s.Before(printed{set})
	var raisers conc.WaitGroup
	for n := range 3 {
		raisers.Go(func() {
			for i := 0; ; i++ {
				sender.Send(&notifier.Alert{Labels: labels.FromStrings("alertname", "Gas", "asset", fmt.Sprint(os.Getpid(), "-", n, "-", i), "severity", "critical")})
			}
		})
	}
	raisers.Wait()
}

func TestWhoeverHasAPageFindsItsHazardAfterAKill(t *testing.T) {
	dir := t.TempDir()
	paged := map[string]string{}
	for round := range 4 {
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), raiserVariable+"="+dir)
		out, err := cmd.StdoutPipe()
		require.NoError(t, err)
		require.NoError(t, cmd.Start())
		lines := bufio.NewScanner(out)
		read := func() bool {
			more := lines.Scan()
			if id, asset, ok := strings.Cut(lines.Text(), " "); ok && strings.Count(asset, "-") == 2 {
				paged[asset] = id
			}
			return more
		}
		for n := 0; n < 100+37*round; n++ {
			require.True(t, read())
		}
		require.NoError(t, cmd.Process.Kill())
		for more := true; more; {
			more = read() // what was said before it died
		}
		require.Error(t, cmd.Wait())
	}
	s := openStore(t, dir, func(o *hazard.Options) { o.Now = time.Now })
	require.NotContains(t, s.log.String(), "level=ERROR")
	seen := map[string]bool{}
	for _, h := range s.list(t, hazard.Query{}) {
		require.False(t, seen[h.Asset], "%s has two hazards", h.Asset)
		seen[h.Asset] = true
	}
	for asset, id := range paged {
		h, history := s.get(t, id)
		require.Equal(t, asset, h.Asset)
		require.Equal(t, []hazard.Kind{hazard.KindOpened}, story(history))
		// The rule tells of it again after the restart.
		require.Equal(t, []string{id}, s.send(t, &notifier.Alert{Labels: labels.FromMap(h.Labels)}))
	}
	require.Greater(t, len(paged), 100)
	require.Len(t, s.everything(t, 0), len(seen))
}
