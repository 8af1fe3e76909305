package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"time"
	"unicode/utf8"

	"github.com/alecthomas/kong"
	promodel "github.com/prometheus/common/model"

	"github.com/belfry-city/belfry/alerting/anomaly/model"
	"github.com/belfry-city/belfry/alerting/backtest"
	"github.com/belfry-city/belfry/alerting/backtest/table"
	"github.com/belfry-city/belfry/internal/config"
	"github.com/belfry-city/belfry/internal/demo"
)

type backtestCmd struct {
	Anomaly backtestAnomalyCmd `cmd:"" help:"Let a detector see the readings of a CSV file; print how unusual each one was."`
	Rules   backtestRulesCmd   `cmd:"" help:"Evaluate rules over stored history; print what would have fired."`
}

type backtestAnomalyCmd struct {
	CSV    string   `name:"csv" required:"" placeholder:"FILE" help:"The readings: CSV, plain or gzip; - for the standard input."`
	Time   string   `name:"time-column" required:"" placeholder:"NAME" help:"Column of times, by name or number; date and time apart: Date,Time."`
	Values []string `name:"value-column" required:"" sep:"none" placeholder:"NAME" help:"Column of values, by name or number; several as A,B, or given more than once."`
	Label  string   `name:"label-column" placeholder:"NAME" help:"Column that is 1 where there is an anomaly, and 0 elsewhere; or true and false, yes and no."`
	Where  []string `sep:"none" placeholder:"COLUMN=VALUE" help:"Only rows with this value; may be given more than once."`

	Model   string   `placeholder:"NAME" help:"Model; by default auto, of several columns multivariate."`
	Options []string `name:"option" sep:"none" placeholder:"NAME=VALUE" help:"Option of the model; may be given more than once."`
	Warmup  string   `placeholder:"DURATION" help:"No score is over 1 for so long from the first row on, such as 1d."`

	Detectors string `placeholder:"FILE" help:"Detector file: model, options and warm-up are those of a detector in it."`
	Detector  string `placeholder:"NAME" help:"Which detector of the file; not needed where it has one only."`

	Threshold float64 `default:"1" help:"A score over it is an alarm."`
	Skip      string  `default:"0" placeholder:"N" help:"How many rows at the beginning are not judged: a number, or a share such as 15%."`
	Summary   string  `enum:"text,json,none" default:"text" help:"Summary on the standard error: text, json or none."`

	Plot  string `placeholder:"FILE" help:"Draw it all as a PNG."`
	Title string `help:"Title of the picture."`
	Font  string `placeholder:"FILE" help:"Font of the picture; by default one that fits."`

	TimeFormat  string `placeholder:"FORMAT" help:"How times are written, where it is not found out: unix, unix_ms, excel, dd/mm/yyyy, mm/dd/yyyy, or as in %d.%m.%Y %H:%M."`
	Timezone    string `default:"UTC" placeholder:"ZONE" help:"Time zone of times that have none, and of the days and weeks that models learn: Asia/Shanghai, +08:00."`
	Delimiter   string `placeholder:"CHAR" help:"What stands between columns, where it is not found out; tab for a tab."`
	Encoding    string `placeholder:"NAME" help:"Encoding, where it is not found out: gbk, utf-16le, windows-1252."`
	Decimal     string `placeholder:"CHAR" help:"Decimal mark of numbers, where it is not found out: . or ,"`
	Missing     texts  `placeholder:"VALUE" help:"Stands for no value, such as -200; may be given more than once. Empty, NaN, NA and null do anyway."`
	Sort        bool   `help:"Sort rows by time first, in memory."`
	SkipBadRows bool   `help:"Leave out rows that cannot be read, and say how many."`

	Language config.Language `enum:"en,zh-CN," default:"" help:"Speak English (en) or Chinese (zh-CN); by default what LANG says."`

	skip   backtest.Skip
	warmup time.Duration
	zone   *time.Location
	comma  rune
}

// texts are the values of a flag that may begin with a hyphen, such as -200.
type texts []string

// Decode implements kong.MapperValue.
func (t *texts) Decode(ctx *kong.DecodeContext) error {
	if ctx.Scan.Peek().IsEOL() {
		return errors.New("missing value")
	}
	*t = append(*t, ctx.Scan.Pop().String())
	return nil
}

// Help is shown by belfry backtest anomaly --help.
func (*backtestAnomalyCmd) Help() string {
	return `
Prints a row timestamp,value,anomaly_score,expected,lower,upper for each row of
the file, in its order and with its own spelling of times, while it is read. A
score over 1 is an anomaly. Of several columns a joint model has the value of
the first; of a model for one column there is one of each, and a row shows the
column with the highest score, which it names as a seventh column.

With --label-column the standard error says how well it did: row by row, and by
windows (runs of labelled rows) and alarms (runs of rows with a score over 1).

Examples:

  belfry backtest anomaly --csv strain.csv --time-column time --value-column strain
  belfry backtest anomaly --csv pump.csv --time-column datetime \
    --value-column 'Accelerometer1RMS,Current,Pressure' --label-column anomaly --plot pump.png
  belfry backtest anomaly --csv air.csv --time-column Date,Time --value-column CO_GT \
    --missing -200 --timezone Europe/Rome > scores.csv
  belfry backtest anomaly --csv parking.csv --time-column updatetime \
    --value-column vehiclecount --where garagecode=NORREPORT --skip 15%
  belfry backtest anomaly --csv level.csv --time-column 1 --value-column 2 \
    --detectors detectors/wells.yml --detector well-level --timezone Asia/Shanghai
  zcat level.csv.gz | belfry backtest anomaly --csv - --time-column 1 --value-column 2

Models, with their options:

` + backtest.List(model.Kinds())
}

// Validate says what is wrong with the command line.
func (c *backtestAnomalyCmd) Validate() error {
	var err error
	if c.skip, err = backtest.ParseSkip(c.Skip); err != nil {
		return err
	}
	if !(c.Threshold >= 0) || math.IsInf(c.Threshold, 0) {
		return fmt.Errorf("--threshold: want a number such as 1, and not less than 0, as scores are; got %g", c.Threshold)
	}
	if c.Warmup != "" {
		if c.warmup, err = duration("--warmup", c.Warmup); err != nil {
			return err
		}
	}
	if c.zone, err = table.Zone(c.Timezone); err != nil {
		return err
	}
	switch {
	case c.Detectors != "" && (c.Model != "" || len(c.Options) > 0 || c.Warmup != ""):
		return errors.New("--model, --option, --warmup: these are in the detector file; want either them or --detectors")
	case c.Detectors == "" && c.Detector != "":
		return errors.New("--detector: want --detectors FILE, which says in which file it is")
	}
	if c.Decimal != "" && c.Decimal != "." && c.Decimal != "," {
		return fmt.Errorf("--decimal: want . or , ; got %q", c.Decimal)
	}
	switch {
	case c.Delimiter == "":
	case c.Delimiter == "tab" || c.Delimiter == `\t`:
		c.comma = '\t'
	case utf8.RuneCountInString(c.Delimiter) == 1 && c.Delimiter != `"` && c.Delimiter != "\n" && c.Delimiter != "\r":
		c.comma, _ = utf8.DecodeRuneInString(c.Delimiter)
	default:
		return fmt.Errorf("--delimiter: want one character such as ; or tab; got %q", c.Delimiter)
	}
	return nil
}

func (c *backtestAnomalyCmd) Run(ctx context.Context, g *globals) error {
	language := c.Language
	if language == "" {
		language = demo.LanguageOf(os.Getenv)
	}
	name := c.CSV
	if name == "-" {
		name = "standard input"
	}
	var decimal byte
	if c.Decimal != "" {
		decimal = c.Decimal[0]
	}
	a := backtest.Anomaly{
		Open: c.open, Once: c.once(),
		Table: table.Options{
			File: name, Time: c.Time, Values: c.Values, Label: c.Label, Where: c.Where, Zone: c.zone, TimeFormat: c.TimeFormat,
			Delimiter: c.comma, Encoding: c.Encoding, Decimal: decimal, Missing: c.Missing, SkipBad: c.SkipBadRows,
		},
		Warmup: c.warmup, Threshold: c.Threshold, Skip: c.skip, Sort: c.Sort, Out: g.stdout,
		Plot: backtest.Plot{File: c.Plot, Title: c.Title, Font: c.Font, Zone: c.zone, Language: language},
	}
	a.Choose = func(columns int) (model.Kind, model.Settings, error) {
		return backtest.Choose(g.kinds, c.Model, c.Options, columns)
	}
	if c.Detectors != "" {
		d, err := backtest.FromFile(c.Detectors, c.Detector, g.kinds, c.zone)
		if err != nil {
			return err
		}
		a.Warmup = d.Warmup
		a.Choose = func(columns int) (model.Kind, model.Settings, error) { return backtest.ChooseDetector(d, columns) }
	}
	result, err := a.Run(ctx)
	if stopped := (*backtest.Interrupted)(nil); result == nil || err != nil && !errors.As(err, &stopped) {
		return err
	}
	switch c.Summary {
	case "json":
		err = errors.Join(result.WriteJSON(g.stderr, name), err)
	case "text":
		err = errors.Join(result.WriteText(g.stderr, name, language), err)
	}
	return err
}

// once says whether the file is a pipe, or something else that can be read only once.
func (c *backtestAnomalyCmd) once() bool {
	if c.CSV == "-" {
		return true
	}
	info, err := os.Stat(c.CSV)
	return err == nil && !info.Mode().IsRegular() && !info.IsDir()
}

func (c *backtestAnomalyCmd) open() (io.ReadCloser, error) {
	if c.CSV == "-" {
		return io.NopCloser(os.Stdin), nil
	}
	file, err := os.Open(c.CSV)
	if err != nil {
		return nil, fmt.Errorf("--csv: %w", err)
	}
	if info, err := file.Stat(); err == nil && info.IsDir() {
		return nil, errors.Join(fmt.Errorf("--csv: %s is a directory; want a file", c.CSV), file.Close())
	}
	return file, nil
}

func duration(flag, text string) (time.Duration, error) {
	d, err := promodel.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("%s: want a duration such as 30s, 5m or 1d; got %q", flag, text)
	}
	return time.Duration(d), nil
}
