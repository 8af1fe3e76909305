package backtest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/belfry-city/belfry/alerting/backtest/chart"
	"github.com/belfry-city/belfry/alerting/backtest/score"
	"github.com/belfry-city/belfry/internal/config"
)

// Plot says where a picture goes, and what it says.
type Plot struct {
	// File is that of the PNG, "" for none.
	File string
	// Title is what it is about; "": the name of the file of readings, and its columns.
	Title string
	// Font is the file of a font, "" for one that fits.
	Font     string
	Zone     *time.Location
	Language config.Language
}

// draw writes the picture of a file.
func (a *Anomaly) draw(run *run) error {
	r := run.result
	o := chart.Options{
		Title: a.Plot.Title, Subtitle: r.subtitle(a.Plot.Language), Value: r.Names[0], Windows: r.Tally.Windows(), Alarms: r.Tally.Alarms(),
		Labels: r.Tally.Labels, Zone: a.Plot.Zone, Language: a.Plot.Language, Font: a.Plot.Font,
	}
	for i := range run.lanes {
		o.Lanes = append(o.Lanes, chart.Lane{Name: r.Names[i], Series: &run.lanes[i]})
	}
	if o.Title == "" {
		o.Title = filepath.Base(a.Table.File) + ": " + r.columns(wordsOf(a.Plot.Language))
	}
	file, err := os.Create(a.Plot.File)
	if err != nil {
		return fmt.Errorf("--plot: %w", err)
	}
	err = run.series.Draw(file, o)
	if errors.Is(err, chart.ErrNoFont) {
		r.Seen.Guesses = append(r.Seen.Guesses, "--plot: "+err.Error())
		err = nil
	}
	return errors.Join(err, file.Close())
}

// subtitle says in a line how a detector did.
func (r *Result) subtitle(language config.Language) string {
	s := r.Tally.Summary()
	say := wordsOf(language)
	l := s.Labels
	// Of less than a day nobody knows how many there are in one.
	often := func(rate score.Ratio) string {
		if !(s.Days >= 1) {
			return ""
		}
		return say.often(rate)
	}
	if l == nil {
		return fmt.Sprintf(say.subtitle, s.Alarms, often(s.AlarmsPerDay), r.Kind.Name)
	}
	return fmt.Sprintf(say.judged, l.Found, l.Missed, l.FalseAlarms, often(l.FalseAlarmsPerDay), figure(l.F1), r.Kind.Name)
}
