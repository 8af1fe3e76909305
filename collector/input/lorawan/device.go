package lorawan

import (
	"strings"
	"sync/atomic"

	"github.com/belfry-city/belfry/collector/catalog"
)

// devices finds the asset of a device in the catalog, whatever the case and
// separators are in which the catalog has its EUI.
type devices struct {
	catalog func() *catalog.Catalog
	index   atomic.Pointer[euiIndex]
}

// euiIndex is of one catalog.
type euiIndex struct {
	of     *catalog.Catalog
	assets map[string]*catalog.Asset // by EUI, see readEUI
}

// asset returns nil where the catalog does not know the device.
func (d *devices) asset(eui string) *catalog.Asset {
	c := d.loaded()
	if c == nil {
		return nil
	}
	index := d.index.Load()
	if index == nil || index.of != c {
		index = newEUIIndex(c)
		d.index.Store(index)
	}
	return index.assets[eui]
}

// loaded is the catalog, or nil where there is none.
func (d *devices) loaded() *catalog.Catalog {
	if d.catalog == nil {
		return nil
	}
	return d.catalog()
}

func newEUIIndex(c *catalog.Catalog) *euiIndex {
	index := &euiIndex{of: c, assets: map[string]*catalog.Asset{}}
	for _, a := range c.Assets() {
		for kind, id := range a.External {
			if !isEUIKind(kind) {
				continue
			}
			if eui, ok := readEUI(id); ok {
				index.assets[eui] = a
			} else {
				index.assets[id] = a // the id of a device without EUI
			}
		}
	}
	return index
}

// isEUIKind holds for dev_eui, devEui, DevEUI, dev-eui.
func isEUIKind(kind string) bool {
	return strings.EqualFold(strings.NewReplacer("_", "", "-", "", " ", "").Replace(kind), "deveui")
}

// readEUI returns 16 hexadecimal digits in lower case, without separators.
func readEUI(text string) (eui string, ok bool) {
	if len(text) == 16 && isLowerHex(text) {
		return text, true
	}
	eui = strings.ToLower(strings.NewReplacer("-", "", ":", "", ".", "", " ", "").Replace(text))
	return eui, len(eui) == 16 && isLowerHex(eui)
}

func isLowerHex(text string) bool {
	for _, c := range []byte(text) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}
