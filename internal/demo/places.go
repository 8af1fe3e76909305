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
	lat, lon     float64
}

func garages() []garage {
	return []garage{
		{"BRUUNS", "Bruuns Galleri", "奥胡斯布鲁恩购物中心停车场", "M. P. Bruuns Gade", 56.1499, 10.2061},
		{"BUSGADEHUSET", "Busgadehuset", "奥胡斯公交街停车楼", "Fredensgade", 56.1553, 10.2061},
		{"KALKVAERKSVEJ", "Kalkværksvej", "奥胡斯石灰厂路停车场", "Kalkværksvej", 56.1495, 10.2112},
		{"MAGASIN", "Magasin", "奥胡斯玛嘉辛百货停车场", "Immervad", 56.1567, 10.2050},
		{"NORREPORT", "Nørreport", "奥胡斯北门停车场", "Nørreport", 56.1618, 10.2126},
		{"SALLING", "Salling", "奥胡斯萨林百货停车场", "Søndergade", 56.1539, 10.2077},
		{"SCANDCENTER", "Scandinavian Center", "奥胡斯斯堪的纳维亚中心停车场", "Margrethepladsen", 56.1516, 10.1984},
		{"SKOLEBAKKEN", "Skolebakken", "奥胡斯学校坡停车场", "Skolebakken", 56.1568, 10.2135},
	}
}

func garageAsset(code string) string { return "AARHUS-" + code }

// newCatalog is the register of everything that the demo has readings of.
func newCatalog(c *city.City) (*catalog.Catalog, error) {
	var b bytes.Buffer
	if err := c.WriteCatalogYAML(&b); err != nil {
		return nil, err
	}
	for _, g := range garages() {
		fmt.Fprintf(&b, "  - {id: %q, domain: parking, kind: car_park, name: %q, name_zh: %q, district: aarhus, street: %q, "+
			"team: urban_management, lat: %v, lon: %v}\n",
			garageAsset(g.code), "Car park "+g.name, g.nameZH, g.street, g.lat, g.lon)
	}
	fmt.Fprintf(&b, "  - {id: %q, domain: tunnel, kind: air_station, name: %q, name_zh: %q, district: italy, team: municipal}\n",
		airStation, "Roadside air, as at a tunnel portal", "路边空气（代隧道洞口）")
	all, err := catalog.Parse("demo.yml", b.Bytes())
	if err != nil {
		return nil, fmt.Errorf("make the demo's catalog: %w", err)
	}
	return all, nil
}
