package catalog

import (
	"github.com/belfry-city/belfry/internal/config/strict"
)

const assetsKey = "assets"

// readYAML reads a file whose one key is assets.
func readYAML(file *strict.File, data []byte) []entry {
	if entries, ok := readChunks(file.Name(), data); ok {
		return entries
	}
	root, ok := file.YAML(data)
	if !ok {
		return nil
	}
	var entries []entry
	strict.Mapping(root, &entries, strict.Keys[[]entry]{
		assetsKey: func(v strict.Value, all *[]entry) { *all = readList(v) },
	})
	return entries
}

func readList(v strict.Value) (entries []entry) {
	keys := assetKeys()
	strict.List(v, "a list of assets, each with an id", func(v strict.Value) {
		e := newEntry()
		e.line = v.Line()
		before := v.Problems()
		strict.Mapping(v, &e, keys)
		if v.Problems() == before {
			e.finish(v.Refuse)
		}
		entries = append(entries, e)
	})
	return entries
}

func assetKeys() strict.Keys[entry] {
	keys := strict.Keys[entry]{
		"external":   readExternal,
		"thresholds": readThresholds,
	}
	for name, set := range setters() {
		keys[name] = func(v strict.Value, e *entry) { set(v, e) }
	}
	return keys
}

func readExternal(v strict.Value, e *entry) {
	strict.Pairs(v, "ids by their kinds, such as {devEui: 70b3d57ed0001234}", func(kind string, v strict.Value) {
		var id string
		strict.Set(v, &id, strict.Text("an id"))
		e.setExternal(kind, id)
	})
}

func readThresholds(v strict.Value, e *entry) {
	keys := thresholdKeys()
	strict.List(v, "a list of thresholds, each with metric, direction, level and value", func(v strict.Value) {
		var t thresholdEntry
		before := v.Problems()
		strict.Mapping(v, &t, keys)
		if v.Problems() > before {
			return
		}
		if t.Metric == "" || t.Direction == "" || t.Level == "" || !t.valued {
			v.Refuse("want metric, direction, level and value; got only some of them")
			return
		}
		e.addThreshold(t.Threshold, v.Refuse)
	})
}

type thresholdEntry struct {
	Threshold
	valued bool
}

func thresholdKeys() strict.Keys[thresholdEntry] {
	return strict.Keys[thresholdEntry]{
		"metric":    func(v strict.Value, t *thresholdEntry) { strict.Set(v, &t.Metric, metricName) },
		"direction": func(v strict.Value, t *thresholdEntry) { strict.Set(v, &t.Direction, strict.OneOf(Above, Below)) },
		"level":     func(v strict.Value, t *thresholdEntry) { strict.Set(v, &t.Level, strict.OneOf(Warning, Critical)) },
		"value": func(v strict.Value, t *thresholdEntry) {
			setThreshold(v, &t.Threshold)
			t.valued = true
		},
	}
}
