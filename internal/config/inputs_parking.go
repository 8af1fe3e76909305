package config

import (
	"slices"
	"strings"
	"time"

	"github.com/belfry-city/belfry/internal/config/strict"
)

// Parking says how to understand bays and car parks, and what to derive from
// them.
type Parking struct {
	// Source is that of bays whose sender does not say.
	Source string
	// Columns are headings of CSV and keys of JSON, and what they stand for: one of
	// ParkingColumns, "" for nothing.
	Columns map[string]string
	// Grace is how long two sources may differ before they disagree.
	Grace time.Duration
	// ShortestStay is how long a stay has to be to count.
	ShortestStay time.Duration
	// Forget is how long a bay may be silent before it is not timed any more.
	Forget time.Duration
}

// ParkingColumns are what a column can stand for.
func ParkingColumns() []string {
	return []string{
		"asset", "device", "id", "lot", "occupied", "state", "available", "capacity", "source", "time", "battery_volts", "rssi_dbm",
	}
}

func defaultParking() Parking {
	return Parking{Source: "geomagnetic", Grace: 2 * time.Minute, Forget: 30 * 24 * time.Hour}
}

// needRestart is what a reload does not change: what the tracker was made with.
func (k Parking) needRestart() Parking {
	k.Columns = nil
	return k
}

func (p *parser) parking(v strict.Value, in *Inputs) {
	strict.Mapping(v, &in.Parking, strict.Keys[Parking]{
		"source": func(v strict.Value, k *Parking) {
			strict.Set(v, &k.Source, strict.Text("a source such as geomagnetic, camera or handheld"))
		},
		"columns": func(v strict.Value, k *Parking) {
			strict.Pairs(v, "headings and what they stand for, such as {vehiclecount: occupied}", func(heading string, v strict.Value) {
				text, _ := v.Text()
				if text != "" && !slices.Contains(ParkingColumns(), text) {
					v.Want("one of " + strings.Join(ParkingColumns(), ", ") + `, or "" for a column that is not used`)
				}
				if k.Columns == nil {
					k.Columns = map[string]string{}
				}
				k.Columns[heading] = text
			})
		},
		"grace":         func(v strict.Value, k *Parking) { strict.Set(v, &k.Grace, strict.Duration(time.Second, "2m")) },
		"shortest_stay": func(v strict.Value, k *Parking) { strict.Set(v, &k.ShortestStay, strict.Duration(0, "30s")) },
		"forget":        func(v strict.Value, k *Parking) { strict.Set(v, &k.Forget, strict.Duration(time.Hour, "30d")) },
	})
}
