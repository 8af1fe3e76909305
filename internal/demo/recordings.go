package demo

import (
	"bytes"
	"embed"
	"encoding/csv"
	"fmt"
	"strconv"
	"time"
)

// data holds slices of public data sets; its README says whose they are.
//
//go:embed data/*.csv
var data embed.FS

// Intervals between two readings of the recordings.
const (
	parkingInterval = 30 * time.Minute
	airInterval     = time.Hour
)

// airStation is the asset that the recorded air is replayed as.
const airStation = "UCI-AIR"

// readTable returns the cells of an embedded file by the names of its columns.
func readTable(name string) ([]map[string]string, error) {
	raw, err := data.ReadFile("data/" + name)
	if err != nil {
		return nil, fmt.Errorf("read recorded data: %w", err)
	}
	all, err := csv.NewReader(bytes.NewReader(raw)).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("read recorded data %s: %w", name, err)
	}
	table := make([]map[string]string, 0, len(all))
	for _, cells := range all[1:] {
		r := make(map[string]string, len(cells))
		for i, column := range all[0] {
			r[column] = cells[i]
		}
		table = append(table, r)
	}
	return table, nil
}

// parkingRecording is how many cars stood in eight car parks of Aarhus.
func parkingRecording() (recording, error) {
	const layout = "2006-01-02 15:04:05.999"
	table, err := readTable("aarhus_parking.csv")
	if err != nil {
		return recording{}, err
	}
	return record(table, parkingInterval, func(r map[string]string) (time.Time, string, int, error) {
		at, err := time.Parse(layout, r["updatetime"])
		line := fmt.Sprintf("parking_lot,asset=%s occupied=%si,capacity=%si",
			garageAsset(r["garagecode"]), r["vehiclecount"], r["totalspaces"])
		return at, line, 2, err
	})
}

// Milligrams and micrograms of a gas in a cubic metre at 20 °C and 1013.25 hPa
// (24.055 litres a mole) that are one part per million of it.
const (
	coPerPPM  = 28.010 / 24.055
	no2PerPPM = 1000 * 46.0055 / 24.055
)

// airRecording is carbon monoxide and nitrogen dioxide beside a road in Italy.
func airRecording() (recording, error) {
	const layout = "2/01/2006 15:04:05"
	table, err := readTable("air_quality_uci.csv")
	if err != nil {
		return recording{}, err
	}
	return record(table, airInterval, func(r map[string]string) (time.Time, string, int, error) {
		at, err := time.Parse(layout, r["Date"]+" "+r["Time"])
		if err != nil {
			return at, "", 0, err
		}
		line, separator, values := "tunnel,asset="+airStation, " ", 0
		for _, gas := range []struct {
			column, field string
			perPPM        float64
		}{{"CO_GT", "co_ppm", coPerPPM}, {"NO2_GT", "no2_ppm", no2PerPPM}} {
			const missing = -200
			v, err := strconv.ParseFloat(r[gas.column], 64)
			if err != nil {
				return at, "", 0, err
			}
			if v == missing {
				continue
			}
			line += separator + gas.field + "=" + strconv.FormatFloat(v/gas.perPPM, 'f', 4, 64)
			separator, values = ",", values+1
		}
		return at, line, values, nil
	})
}

// record makes a recording of a table that is ordered by time; a row without
// values is left out.
func record(
	table []map[string]string, interval time.Duration,
	read func(map[string]string) (at time.Time, line string, values int, err error),
) (recording, error) {
	var (
		out   recording
		began time.Time
	)
	for i, cells := range table {
		at, line, values, err := read(cells)
		if err != nil {
			return recording{}, fmt.Errorf("read recorded data, row %d: %w", i+1, err)
		}
		if i == 0 {
			began = at
		}
		if values > 0 {
			out.rows = append(out.rows, row{after: at.Sub(began), line: line, values: values})
		}
		out.length = at.Sub(began) + interval
	}
	return out, nil
}
