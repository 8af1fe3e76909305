package httpapi

import (
	"encoding/json"
	"net/http"

	"github.com/belfry-city/belfry/alerting/anomaly/watch"
)

// listDetectors serves GET /api/belfry/v1/detectors.
func listDetectors(show func() []watch.Shown) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(struct { // the client may be gone
			Detectors []watch.Shown `json:"detectors"`
		}{show()})
	}
}
