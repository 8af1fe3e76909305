package recorded

import (
	"bytes"
	"cmp"
	_ "embed"
	"encoding/csv"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/belfry-city/belfry/alerting/anomaly/trial"
)

//go:embed data/air_quality_uci.csv
var air []byte

//go:embed data/aarhus_parking.csv
var parking []byte

// Air are the columns of UCI's Air Quality in a file, or those of the part that is here where file is empty. Columns that
// are missing more often than not are left out.
func Air(file string) ([]trial.Series, error) { return read(file, air, readAir) }

// Parking are the car parks of Aarhus in a file, or those of the part that is here where file is empty.
func Parking(file string) ([]trial.Series, error) { return read(file, parking, readParking) }

func read(file string, part []byte, parse func(io.Reader) ([]trial.Series, error)) ([]trial.Series, error) {
	if file != "" {
		all, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("reading recorded series: %w", err)
		}
		part = all
	}
	series, err := parse(bytes.NewReader(part))
	if err != nil {
		return nil, fmt.Errorf("reading recorded series %s: %w", file, err)
	}
	return series, nil
}

// sample is one of a series that is not in order yet.
type sample struct {
	at    int64
	value float64
}

// inOrder sorts samples, and keeps one of each time.
func inOrder(name string, samples []sample) trial.Series {
	slices.SortStableFunc(samples, func(a, b sample) int { return cmp.Compare(a.at, b.at) })
	samples = slices.CompactFunc(samples, func(a, b sample) bool { return a.at == b.at })
	s := trial.Series{Name: name}
	for _, x := range samples {
		s.Times, s.Values = append(s.Times, x.at), append(s.Values, x.value)
	}
	return s
}

const airMissing = -200

func readAir(r io.Reader) (all []trial.Series, err error) {
	rows, err := csv.NewReader(r).ReadAll()
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 || len(rows[0]) < 3 || rows[0][0] != "Date" || rows[0][1] != "Time" {
		return nil, fmt.Errorf("line 1: want the columns Date, Time and values")
	}
	for c := 2; c < len(rows[0]); c++ {
		var samples []sample
		for i, row := range rows[1:] {
			at, err := time.Parse("2/1/2006 15:04:05", row[0]+" "+row[1])
			if err != nil {
				return nil, fmt.Errorf("line %d: want a date as 31/12/2004 and a time: %w", i+2, err)
			}
			v, err := strconv.ParseFloat(row[c], 64)
			if err != nil {
				return nil, fmt.Errorf("line %d: %s: want a number: %w", i+2, rows[0][c], err)
			}
			if v != airMissing {
				samples = append(samples, sample{at.UnixMilli(), v})
			}
		}
		if 2*len(samples) > len(rows) {
			all = append(all, inOrder(rows[0][c], samples))
		}
	}
	return all, nil
}

func readParking(r io.Reader) (all []trial.Series, err error) {
	rows, err := csv.NewReader(r).ReadAll()
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("line 1: want the names of columns")
	}
	count, at, park := slices.Index(rows[0], "vehiclecount"), slices.Index(rows[0], "updatetime"), slices.Index(rows[0], "garagecode")
	if count < 0 || at < 0 || park < 0 {
		return nil, fmt.Errorf("line 1: want the columns vehiclecount, updatetime and garagecode")
	}
	parks := map[string][]sample{}
	for i, row := range rows[1:] {
		if row[park] == "garagecode" {
			continue // the names of the columns again
		}
		t, err := time.Parse("2006-01-02 15:04:05", row[at])
		if err != nil {
			return nil, fmt.Errorf("line %d: updatetime: want a time as 2014-05-22 09:09:04.145: %w", i+2, err)
		}
		v, err := strconv.ParseFloat(row[count], 64)
		if err != nil {
			return nil, fmt.Errorf("line %d: vehiclecount: want a number: %w", i+2, err)
		}
		parks[row[park]] = append(parks[row[park]], sample{t.UnixMilli(), v})
	}
	for name, samples := range parks {
		all = append(all, inOrder(name, samples))
	}
	slices.SortFunc(all, func(a, b trial.Series) int { return cmp.Compare(a.Name, b.Name) })
	return all, nil
}
