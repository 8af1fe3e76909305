package board

// options are those of the kind of panel, before the panel's own.
func (p Panel) options() map[string]any {
	switch p.Kind {
	case StatKind:
		o := map[string]any{
			"reduceOptions": map[string]any{"calcs": []string{"lastNotNull"}, "fields": "", "values": false},
			"colorMode":     "background_solid", "graphMode": "none", "textMode": "auto", "justifyMode": "center",
			"orientation": "auto", "wideLayout": true, "showPercentChange": false,
		}
		if p.Text > 0 {
			o["text"] = map[string]any{"valueSize": p.Text, "titleSize": p.Text * 2 / 5}
		}
		return o
	case LinesKind:
		return map[string]any{"legend": p.legend(), "tooltip": map[string]any{"mode": "multi", "sort": "desc", "hideZeros": false}}
	case TableKind:
		return map[string]any{"showHeader": true, "cellHeight": "sm", "footer": map[string]any{"show": false}, "frameIndex": 0}
	case MapKind:
		return p.geomap()
	case LogsKind:
		return map[string]any{
			"showTime": true, "wrapLogMessage": true, "enableLogDetails": true, "sortOrder": "Descending", "dedupStrategy": "none",
			"prettifyLogMessage": false, "showLabels": false, "showCommonLabels": false,
		}
	case BarsKind:
		return map[string]any{
			"orientation": "horizontal", "showValue": "always", "stacking": "none", "legend": p.legend(), "barWidth": 0.8,
			"groupWidth": 0.8, "tooltip": map[string]any{"mode": "multi", "sort": "none"}, "xTickLabelRotation": 0, "fullHighlight": false,
		}
	case GaugeKind:
		return map[string]any{
			"reduceOptions": map[string]any{"calcs": []string{"lastNotNull"}, "fields": "", "values": false},
			"displayMode":   "basic", "orientation": "horizontal", "showUnfilled": true, "valueMode": "color", "namePlacement": "auto",
			"sizing": "auto", "minVizWidth": 8, "minVizHeight": 16, "maxVizHeight": 300,
		}
	case HeatKind:
		return map[string]any{
			"calculate": false, "cellGap": 1, "color": map[string]any{"mode": "scheme", "scheme": "Viridis", "steps": 64, "reverse": false, "exponent": 0.5, "scale": "exponential"},
			"legend": map[string]any{"show": true}, "rowsFrame": map[string]any{"layout": "auto"}, "showValue": "never",
			"tooltip": map[string]any{"mode": "single", "showColorScale": false, "yHistogram": false}, "yAxis": map[string]any{"axisPlacement": "left", "reverse": false},
		}
	case StateKind:
		return map[string]any{
			"alignValue": "left", "mergeValues": true, "rowHeight": 0.9, "showValue": "auto", "legend": p.legend(),
			"tooltip": map[string]any{"mode": "single", "sort": "none"},
		}
	}
	return map[string]any{}
}

func (p Panel) legend() map[string]any {
	if p.NoLegend {
		return map[string]any{"showLegend": false, "displayMode": "list", "placement": "bottom", "calcs": []string{}}
	}
	if p.Kind != LinesKind {
		return map[string]any{"showLegend": true, "displayMode": "list", "placement": "bottom", "calcs": []string{}}
	}
	if p.LegendRight {
		return map[string]any{"showLegend": true, "displayMode": "table", "placement": "right", "calcs": []string{"lastNotNull"}, "sortBy": "Last *", "sortDesc": !p.LowestFirst}
	}
	return map[string]any{"showLegend": true, "displayMode": "list", "placement": "bottom", "calcs": []string{}}
}

// geomap shows a marker for each row with fields lat, lon and state.
func (p Panel) geomap() map[string]any {
	size := 8
	if p.Text > 0 {
		size = p.Text
	}
	marker := func(name, shape string) map[string]any {
		return map[string]any{
			"type": "markers", "name": name, "tooltip": true,
			"location": map[string]any{"mode": "coords", "latitude": "lat", "longitude": "lon"},
			"config": map[string]any{
				"showLegend": false,
				"style": map[string]any{
					"color": map[string]any{"field": "state", "fixed": Unknown}, "opacity": 0.9,
					"size":        map[string]any{"fixed": size, "min": 4, "max": 24},
					"symbol":      map[string]any{"mode": "fixed", "fixed": "img/icons/marker/" + shape + ".svg"},
					"symbolAlign": map[string]any{"horizontal": "center", "vertical": "center"},
				},
			},
		}
	}
	return map[string]any{
		"view":     map[string]any{"id": "fit", "allLayers": true, "lat": 0, "lon": 0, "zoom": 14, "padding": 5, "lastOnly": false, "layer": "", "shared": false},
		"basemap":  map[string]any{"type": "default", "name": "Layer 0", "config": map[string]any{}},
		"layers":   []any{marker("Belfry", "circle")},
		"controls": map[string]any{"showZoom": true, "mouseWheelZoom": true, "showAttribution": true, "showScale": false, "showDebug": false, "showMeasure": false},
		"tooltip":  map[string]any{"mode": "details"},
	}
}
