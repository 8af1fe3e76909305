package city

import (
	"errors"

	"github.com/belfry-city/belfry/collector/input/camera"
	"github.com/belfry-city/belfry/dashboards/board"
	"github.com/belfry-city/belfry/dashboards/limit"
)

// Sheets are all dashboards. table has the limits of the rules that page; a panel
// that wants one which is not in it is an error. kinds are what cameras can see.
func Sheets(table limit.Table, kinds []camera.Kind) ([]board.Sheet, error) {
	d := &desk{limits: table, kinds: kinds}
	sheets := []board.Sheet{
		d.wall("wall", 1), d.wall("wall-4k", 2),
		d.gas(), d.bridges(), d.tunnels(), d.water(), d.lighting(), d.cameras(), d.parking(),
		d.hazards(), d.asset(), d.belfry(),
	}
	return sheets, errors.Join(d.errs...)
}

// desk collects what goes wrong while sheets are described.
type desk struct {
	limits limit.Table
	kinds  []camera.Kind
	errs   []error
}

// bounds are the limits of a metric that the rules of a domain have.
func (d *desk) bounds(domain, metric string) limit.Bounds {
	b, err := d.limits.Of(domain, metric)
	if err != nil {
		d.errs = append(d.errs, err)
	}
	return b
}
