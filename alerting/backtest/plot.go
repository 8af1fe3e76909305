package backtest

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/belfry-city/belfry/alerting/backtest/chart"
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

// draw writes the picture of a result.
func (a *Anomaly) draw(s *chart.Series, r *Result) error {
	o := chart.Options{
		Title: a.Plot.Title, Subtitle: r.subtitle(a.Plot.Language), Value: r.Names[0], Windows: r.Tally.Windows(), Alarms: r.Tally.Alarms(),
		Labels: r.Tally.Labels, Zone: a.Plot.Zone, Language: a.Plot.Language, Font: a.Plot.Font,
	}
	if o.Title == "" {
		o.Title = a.Table.File + ": " + strings.Join(r.Names, wordsOf(a.Plot.Language).separator)
	}
	if len(r.Names) > 1 && !r.Kind.Joint {
		o.Value = "" // the worst of each row
	}
	file, err := os.Create(a.Plot.File)
	if err != nil {
		return fmt.Errorf("--plot: %w", err)
	}
	err = s.Draw(file, o)
	if errors.Is(err, chart.ErrNoFont) {
		r.Seen.Guesses = append(r.Seen.Guesses, "--plot: "+err.Error())
		err = nil
	}
	return errors.Join(err, file.Close())
}

// subtitle says in a line how a detector did.
func (r *Result) subtitle(language config.Language) string {
	s := r.Tally.Summary()
	chinese := language == config.LanguageChinese
	l := s.Labels
	switch {
	case l == nil && chinese:
		return fmt.Sprintf("告警 %d 次（每天 %s 次）；模型 %s", s.Alarms, figure(s.AlarmsPerDay), r.Kind.Name)
	case l == nil:
		return fmt.Sprintf("%d alarms (%s a day); model %s", s.Alarms, figure(s.AlarmsPerDay), r.Kind.Name)
	case chinese:
		return fmt.Sprintf("发现 %d 段异常，遗漏 %d 段；误报 %d 次（每天 %s 次）；逐行 F1 %s；模型 %s", l.Found, l.Missed, l.FalseAlarms, figure(l.FalseAlarmsPerDay), figure(l.F1), r.Kind.Name)
	}
	return fmt.Sprintf("anomalies: %d found, %d missed; false alarms: %d (%s a day); F1 of rows %s; model %s",
		l.Found, l.Missed, l.FalseAlarms, figure(l.FalseAlarmsPerDay), figure(l.F1), r.Kind.Name)
}
