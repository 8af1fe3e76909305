package demo

import (
	"bytes"
	"fmt"

	"github.com/belfry-city/belfry/collector/catalog"
	"github.com/belfry-city/belfry/loadtest/city"
)

// garage is one of the recorded car parks.
type garage struct {
	code         string
	name, nameZH string
	street       string
}

func garages() []garage {
	return []garage{
		{"BRUUNS", "Bruuns Galleri", "奥胡斯布鲁恩购物中心停车场", "M. P. Bruuns Gade"},
		{"BUSGADEHUSET", "Busgadehuset", "奥胡斯公交街停车楼", "Fredensgade"},
		{"KALKVAERKSVEJ", "Kalkværksvej", "奥胡斯石灰厂路停车场", "Kalkværksvej"},
		{"MAGASIN", "Magasin", "奥胡斯玛嘉辛百货停车场", "Immervad"},
		{"NORREPORT", "Nørreport", "奥胡斯北门停车场", "Nørreport"},
		{"SALLING", "Salling", "奥胡斯萨林百货停车场", "Søndergade"},
		{"SCANDCENTER", "Scandinavian Center", "奥胡斯斯堪的纳维亚中心停车场", "Margrethepladsen"},
		{"SKOLEBAKKEN", "Skolebakken", "奥胡斯学校坡停车场", "Skolebakken"},
	}
}

// beside is a place next to the simulated car park of a number.
func beside(c *city.City, n int) (lat, lon float64) {
	var lots []*city.Asset
	for _, a := range c.Assets() {
		if a.Kind == city.KindLot {
			lots = append(lots, a)
		}
	}
	lot := lots[n%len(lots)]
	return lot.Lat + 0.0005, lot.Lon + 0.0005
}

func garageAsset(code string) string { return "AARHUS-" + code }

// newCatalog is the register of everything that the demo has readings of.
func newCatalog(c *city.City) (*catalog.Catalog, error) {
	var b bytes.Buffer
	if err := c.WriteCatalogYAML(&b); err != nil {
		return nil, err
	}
	for i, g := range garages() {
		// Not in Aarhus, where they are: one map has to show everything.
		lat, lon := beside(c, i)
		fmt.Fprintf(&b, "  - {id: %q, domain: parking, kind: car_park, name: %q, name_zh: %q, district: aarhus, street: %q, "+
			"team: urban_management, lat: %v, lon: %v}\n",
			garageAsset(g.code), "Car park "+g.name, g.nameZH, g.street, lat, lon)
	}
	fmt.Fprintf(&b, "  - {id: %q, domain: tunnel, kind: air_station, name: %q, name_zh: %q, district: italy, team: municipal}\n",
		airStation, "Roadside air, as at a tunnel portal", "路边空气（代隧道洞口）")
	all, err := catalog.Parse("demo.yml", b.Bytes())
	if err != nil {
		return nil, fmt.Errorf("make the demo's catalog: %w", err)
	}
	return all, nil
}
